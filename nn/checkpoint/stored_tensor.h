// A tensor as a file holds it: typed bytes with sizes and, in torch files, an offset and strides
// into a storage that several tensors may share. Copying turns it into dense numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "nn/checkpoint/mapped_file.h"

namespace soragrad::nn {

// Limits of one file, far past any real checkpoint: what a reader remembers stays in proportion.
constexpr size_t kMaxTensors = 1 << 18;
constexpr size_t kMaxNameBytes = 1 << 12;

struct StoredTensor {
  std::string name;
  std::string type;            // as the file calls it, for messages: "F16", "F8_E4M3", "dict"
  std::optional<DType> dtype;  // none: listed, but refused when its numbers are asked for
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;       // in elements; empty: row-major without gaps
  std::span<const std::byte> bytes;   // from the first element to past the last one reached
  std::shared_ptr<const void> owner;  // keeps bytes alive
  std::string where;                  // the file, for messages

  // Product of the sizes; the readers have checked that it fits.
  int64_t numel() const;
  // Whether the elements lie in row-major order without gaps.
  bool contiguous() const;
  // Throws unless the tensor has a type this library computes with and at most kMaxRank axes.
  void require_loadable() const;
};

// Copies the elements in row-major order, converted to T: float, double or int64_t. Halves, bf16
// and integers up to 24 (float) or 53 bits (double) are exact, doubles round to the nearest float;
// floating-point tensors are refused as int64_t. Throws unless destination has numel() elements.
// Safe to call from several threads at once.
template <typename T>
void copy_to(const StoredTensor& tensor, std::span<T> destination);

// Product of sizes, or none where one is negative or the product passes 2^63 - 1.
std::optional<int64_t> checked_numel(std::span<const int64_t> sizes);

// "(2, 3)".
std::string to_text(std::span<const int64_t> sizes);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
