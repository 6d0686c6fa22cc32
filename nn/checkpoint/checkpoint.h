// Checkpoints of every kind as one list of named tensors: model.safetensors, the same in shards,
// pytorch_model.bin in its zip and its older form, that in shards. Nothing is copied until numbers
// are asked for, and no file can make the reader run code, hang or allocate without bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/dtype.h"
#include "nn/checkpoint/safetensors.h"
#include "nn/checkpoint/stored_tensor.h"

namespace soragrad::nn {

// A tensor's bytes where the file is mapped, read-only (writing to them faults), and what keeps
// them there.
struct MappedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

class Checkpoint {
 public:
  // Takes the tensors of a file, renames (see current_name) and refuses names that then coincide.
  Checkpoint(std::vector<StoredTensor> tensors, Metadata metadata, std::string where);
  Checkpoint(Checkpoint&&) = default;
  Checkpoint& operator=(Checkpoint&&) = default;

  const std::vector<StoredTensor>& tensors() const { return tensors_; }  // in the file's order
  const Metadata& metadata() const { return metadata_; }                 // of safetensors files
  const std::string& where() const { return where_; }                    // path, for messages

  bool contains(std::string_view name) const { return find(name) != nullptr; }
  // The tensor of that name, or null.
  const StoredTensor* find(std::string_view name) const;
  // As find(), but throws where the name is missing.
  const StoredTensor& at(std::string_view name) const;

  // Copies a tensor's elements as nn::copy_to does; T is float, double or int64_t. Throws where the
  // name is missing, the number of elements differs or the type does not convert. Thread-safe.
  template <typename T>
  void copy_to(std::string_view name, std::span<T> destination) const {
    nn::copy_to(at(name), destination);
  }

  // The tensor's own bytes, without a copy, where they are row-major elements of this dtype and
  // aligned for it; none otherwise. They stay valid while the owner lives.
  std::optional<MappedBytes> mapped(std::string_view name, DType dtype) const;

 private:
  std::vector<StoredTensor> tensors_;
  Metadata metadata_;
  std::string where_;
  std::unordered_map<std::string_view, size_t> index_;  // names of tensors_
};

// The weights of a model folder: model.safetensors, model.safetensors.index.json, pytorch_model.bin
// or pytorch_model.bin.index.json, the first that is there; empty if none is.
std::filesystem::path weights_file(const std::filesystem::path& folder);

// Opens the weights of a model folder, or one file, told apart by content.
Checkpoint open_checkpoint(const std::filesystem::path& file_or_folder);

// The present name of a tensor: LayerNorm.gamma and .beta of old files are .weight and .bias.
std::string current_name(std::string_view name);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
