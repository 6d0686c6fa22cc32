#include "train/loop/base_hash.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <system_error>
#include <vector>

#include "core/error.h"
#include "core/sha256.h"
#include "nn/checkpoint/checkpoint.h"

namespace soragrad::train {

namespace {

constexpr size_t kPage = 4096, kBlock = 2048 * kPage;

// Hashes bytes that are mapped from a file and lets their pages go again: most of a model's
// embeddings are never read, and the hash must not bring them into this process's memory.
void update_mapped(Sha256& hash, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::span<const std::byte> block = bytes.first(std::min(bytes.size(), kBlock));
    hash.update(block);
    const size_t skipped = (kPage - reinterpret_cast<uintptr_t>(block.data()) % kPage) % kPage;
    if (skipped < block.size()) {
      ::madvise(const_cast<std::byte*>(block.data()) + skipped,
                (block.size() - skipped) / kPage * kPage, MADV_DONTNEED);
    }
    bytes = bytes.subspan(block.size());
  }
}

// Whether all tensors of the folder are mapped: those of compressed torch files are not.
bool has_safetensors(const std::string& folder) {
  std::error_code error;
  return std::filesystem::exists(folder + "/model.safetensors", error) ||
         std::filesystem::exists(folder + "/model.safetensors.index.json", error);
}

}  // namespace

std::string base_model_sha256(const std::string& folder) {
  const nn::Checkpoint file = nn::open_checkpoint(folder);
  std::vector<const nn::StoredTensor*> tensors;
  for (const nn::StoredTensor& tensor : file.tensors()) tensors.push_back(&tensor);
  std::ranges::sort(tensors, {}, &nn::StoredTensor::name);
  const bool is_mapped = has_safetensors(folder);
  Sha256 hash;
  for (const nn::StoredTensor* tensor : tensors) {
    hash.update(tensor->name);
    is_mapped ? update_mapped(hash, tensor->bytes) : hash.update(tensor->bytes);
  }
  return hash.hex();
}

std::shared_future<std::string> start_base_sha256(const std::string& folder) {
  try {
    return std::async(std::launch::async, base_model_sha256, folder).share();
  } catch (const std::system_error&) {  // no further thread: when it is asked for
    return std::async(std::launch::deferred, base_model_sha256, folder).share();
  }
}

void require_base_model(const std::string& folder, const std::string& found,
                        const std::string& expected) {
  require(found == expected,
          "[model] {} is not the model that was trained on: base_model_sha256 is {}..., the "
          "adapter has {}...; name the right folder by --model.",
          folder, found.substr(0, 12), expected.substr(0, 12));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
