#include "core/tensor_values.h"

#include <algorithm>
#include <optional>

namespace soragrad {

namespace {

// Bytes [begin, end) of one storage.
struct Range {
  size_t begin = 0, end = 0;
};

// What the tensors span, if they are parts of one storage and not far apart.
std::optional<Range> common_range(std::span<const Tensor> tensors) {
  if (tensors.empty()) return std::nullopt;
  Range range{tensors.front().offset(), 0};
  size_t bytes = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.storage() != tensors.front().storage()) return std::nullopt;
    range.begin = std::min(range.begin, tensor.offset());
    range.end = std::max(range.end, tensor.offset() + tensor.bytes());
    bytes += tensor.bytes();
  }
  constexpr size_t kSparsest = 16;  // one element to a cache line
  return range.end - range.begin <= kSparsest * bytes ? std::optional(range) : std::nullopt;
}

}  // namespace

std::vector<real> values_of(std::span<const Tensor> tensors) {
  std::vector<real> values, block;
  const std::optional<Range> range = common_range(tensors);
  if (range) {
    const auto size = static_cast<int64_t>((range->end - range->begin) / sizeof(real));
    block = Tensor(tensors.front().storage(), range->begin, {size}, kReal).to_vector();
  }
  for (const Tensor& tensor : tensors) {
    if (!range) block = tensor.to_vector();
    const size_t begin = range ? (tensor.offset() - range->begin) / sizeof(real) : 0;
    const auto first = block.begin() + static_cast<std::ptrdiff_t>(begin);
    values.insert(values.end(), first, first + tensor.numel());
  }
  return values;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
