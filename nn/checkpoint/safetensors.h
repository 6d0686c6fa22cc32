// The safetensors format, https://github.com/huggingface/safetensors:
//   u64 N (little-endian) | N bytes of JSON | data
//   JSON: {"__metadata__": {text: text}, NAME: {"dtype", "shape", "data_offsets": [begin, end]}}
// Offsets count from the start of the data, which the tensors tile without holes or overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "nn/checkpoint/mapped_file.h"
#include "nn/checkpoint/stored_tensor.h"

namespace soragrad::nn {

using Metadata = std::map<std::string, std::string>;

struct Safetensors {
  Metadata metadata;
  std::vector<StoredTensor> tensors;  // in the order of the header
};

// Lists the tensors of a file without touching their data. Throws for everything that is not the
// format above to the letter: sizes that contradict, holes, duplicate names, headers past 100 MB.
Safetensors read_safetensors(const FileBytes& file);

// Collects tensors and writes them as one file, which appears under its name only when complete.
class SafetensorsWriter {
 public:
  explicit SafetensorsWriter(Metadata metadata = {{"format", "pt"}});

  // Adds a row-major tensor. The bytes are borrowed and must live until write() returns.
  void add(std::string_view name, DType dtype, std::span<const int64_t> sizes,
           std::span<const std::byte> bytes);
  template <typename T>
  void add(std::string_view name, std::span<const int64_t> sizes, std::span<const T> elements) {
    add(name, dtype_of<T>, sizes, std::as_bytes(elements));
  }

  // Writes the file: wider types first, then by name, as the reference implementation orders them.
  void write(const std::filesystem::path& path) const;

 private:
  struct Item {
    DType dtype;
    std::vector<int64_t> sizes;
    std::span<const std::byte> bytes;
  };

  Metadata metadata_;
  std::map<std::string, Item, std::less<>> items_;
};

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
