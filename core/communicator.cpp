#include "core/communicator.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace soragrad {

namespace {

std::unique_ptr<Communicator>& instance() {
  static auto communicator = std::make_unique<Communicator>();
  return communicator;
}

}  // namespace

ShardRange shard_of(int64_t n, int rank, int size) {
  return {n * rank / size, n * (rank + 1) / size};
}

void Communicator::exchange(const Tensor& unit, int units, const Tensor& received) {
  if (units > 0) received.copy_from(unit);
}

void Communicator::gather(const Tensor& /*all*/) {}

void Communicator::broadcast(std::span<std::byte> /*bytes*/) {}

void Communicator::merge(std::span<std::byte> /*bytes*/) {}

void Communicator::abort(int code) {
  end_all(code);
  std::_Exit(code);
}

bool Communicator::decide(bool choice) {
  auto byte = static_cast<std::byte>(choice);
  broadcast(std::span(&byte, 1));
  return byte != std::byte{0};
}

std::string Communicator::broadcast_text(const std::string& text) {
  auto length = static_cast<int64_t>(text.size());
  broadcast(std::as_writable_bytes(std::span(&length, 1)));
  std::string result = text;
  result.resize(static_cast<size_t>(length));
  broadcast(std::as_writable_bytes(std::span(result.data(), result.size())));
  return result;
}

std::vector<std::string> Communicator::gather_texts(const std::string& text) {
  const auto longest = static_cast<size_t>(max(static_cast<int64_t>(text.size())));
  std::vector<char> all(longest * static_cast<size_t>(size()));
  std::copy(text.begin(), text.end(),
            all.begin() + static_cast<std::ptrdiff_t>(longest * static_cast<size_t>(rank())));
  merge_values(std::span(all));
  std::vector<std::string> texts;
  for (size_t i = 0; i < static_cast<size_t>(size()); ++i) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i * longest);
    const auto end = std::find(begin, begin + static_cast<std::ptrdiff_t>(longest), '\0');
    texts.emplace_back(begin, end);
  }
  return texts;
}

Communicator& world() {
  return *instance();
}

std::unique_ptr<Communicator> set_world(std::unique_ptr<Communicator> communicator) {
  return std::exchange(instance(), std::move(communicator));
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
