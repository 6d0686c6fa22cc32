#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "core/error.h"
#include "nn/checkpoint/safetensors.h"
#include "nn/checkpoint/shard_index.h"
#include "nn/checkpoint/torch_legacy.h"
#include "nn/checkpoint/torch_pickle.h"
#include "nn/checkpoint/torch_state_dict.h"
#include "nn/checkpoint/torch_zip.h"
#include "tests/files.h"
#include "tests/fuzz/targets.h"

namespace soragrad::fuzz {

namespace {

nn::FileBytes as_file(std::string_view bytes) {
  return {std::as_bytes(std::span(bytes.data(), bytes.size())), nullptr, "file"};
}

// Copies the smaller tensors, which touches every byte that a reader has let through.
void copy_all(std::span<const nn::StoredTensor> tensors) {
  constexpr int64_t kMaxCopied = 1 << 16;
  for (const nn::StoredTensor& tensor : tensors) {
    if (tensor.numel() > kMaxCopied) continue;
    try {
      std::vector<float> numbers(static_cast<size_t>(tensor.numel()));
      copy_to(tensor, std::span(numbers));
    } catch (const Error&) {
    }
  }
}

void read_safetensors(std::string_view bytes) {
  copy_all(nn::read_safetensors(as_file(bytes)).tensors);
}
void read_zip(std::string_view bytes) {
  copy_all(nn::read_torch_zip(as_file(bytes)));
}
void read_legacy(std::string_view bytes) {
  copy_all(nn::read_torch_legacy(as_file(bytes)));
}

// Whatever passes must be a file of this very folder.
void read_index(std::string_view bytes) {
  for (const auto& [name, shard] : nn::read_shard_index(as_file(bytes))) {
    const std::filesystem::path path = nn::shard_path("/proc/self", shard, "file");
    if (path.parent_path() != "/proc/self") std::abort();
  }
}

// A pickle whose storages are all there, of the size that it states where that is small.
void read_pickle(std::string_view bytes) {
  const nn::FileBytes file = as_file(bytes);
  const nn::Pickle pickle = nn::read_pickle(file.bytes, file.where);
  static const std::vector<std::byte> zeros(1 << 16);
  std::vector<nn::FileBytes> storages;
  for (const nn::PickledStorage& storage : pickle.storages) {
    const size_t item = soragrad::size_of(storage.dtype);
    const auto numel = std::min(static_cast<size_t>(storage.numel), zeros.size() / item);
    storages.push_back({std::span(zeros).first(numel * item), nullptr, file.where});
  }
  copy_all(nn::list_tensors(pickle, storages, file.where));
}

std::string golden(const char* name) {
  return test::read_text(std::string(SORAGRAD_SOURCE_DIR "/tests/golden/checkpoint/") + name);
}

std::vector<std::string> zip_seeds() {
  return {golden("state_zip.bin"), golden("compressed.bin"), golden("code.bin")};
}

// The fourth pickle of the old form is the state dict.
std::vector<std::string> pickle_seeds() {
  const std::string legacy = golden("state_legacy.bin");
  const size_t begin = legacy.find("\x80\x02", legacy.find("little_endian"));
  return {legacy.substr(std::min(begin, legacy.size()))};
}

constexpr Target kTargets[] = {
    {"safetensors", read_safetensors, [] { return std::vector{golden("expected.safetensors")}; }},
    {"torch_zip", read_zip, zip_seeds},
    {"torch_legacy", read_legacy, [] { return std::vector{golden("state_legacy.bin")}; }},
    {"torch_pickle", read_pickle, pickle_seeds},
    {"index", read_index,
     [] {
       return std::vector<std::string>{
           R"({"metadata":{"total_size":8},"weight_map":{"a":"status","b.c":"stat"}})"};
     }},
};

}  // namespace

std::span<const Target> checkpoint_targets() {
  return kTargets;
}

}  // namespace soragrad::fuzz

// SPDX-License-Identifier: Apache-2.0
