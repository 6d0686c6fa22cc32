#include "data/table/cell.h"

#include <algorithm>
#include <cstring>

namespace soragrad::data {

char* Arena::allocate(size_t bytes) {
  constexpr size_t kBlock = size_t{1} << 16;
  constexpr size_t kAlignment = alignof(Cell);
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (bytes > left_) {
    const size_t size = std::max(bytes, kBlock);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    // A large request gets a block of its own; the rest of the current one stays in use.
    if (size > kBlock) return blocks_.back().get();
    free_ = blocks_.back().get();
    left_ = size;
  }
  char* result = free_;
  free_ += bytes;
  left_ -= bytes;
  return result;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* to = allocate(text.size());
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

std::span<const Cell> Arena::copy(std::span<const Cell> cells) {
  if (cells.empty()) return {};
  auto* to = reinterpret_cast<Cell*>(allocate(cells.size_bytes()));
  std::uninitialized_copy(cells.begin(), cells.end(), to);
  return {to, cells.size()};
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
