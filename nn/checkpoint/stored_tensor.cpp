// Conversion loops are branch-free so that the compiler turns them into vector code: a checkpoint
// of 180 million halves must load at the speed of memory.
#include "nn/checkpoint/stored_tensor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "core/error.h"
#include "core/shape.h"
#include "core/text.h"

namespace soragrad::nn {
namespace {

// Integer arithmetic but for subnormals, where 2^-14 + x is formed in the bits and 2^-14
// subtracted again; both are exact. Masks, not ?:, which would keep the subtraction in a branch
// and the loop from being vectorized.
float half_to_float(uint16_t bits) {
  const uint32_t sign = (uint32_t{bits} & 0x8000u) << 16;
  const uint32_t magnitude = (uint32_t{bits} & 0x7fffu) << 13;
  const uint32_t special = 0u - (magnitude >= (31u << 23));  // all ones for infinities and NaNs
  const uint32_t tiny = 0u - (magnitude < (1u << 23));       // and for subnormals and zero
  const uint32_t normal = magnitude + (112u << 23) + (special & (112u << 23));
  const float subnormal = std::bit_cast<float>(magnitude + (113u << 23)) - 0x1p-14f;
  return std::bit_cast<float>((normal & ~tiny) | (std::bit_cast<uint32_t>(subnormal) & tiny) |
                              sign);
}

// How an element of the file becomes a T. Bytes may be unaligned, hence memcpy.
struct Half {
  using Bits = uint16_t;
  static float value(Bits bits) { return half_to_float(bits); }
};
struct Bfloat {
  using Bits = uint16_t;
  static float value(Bits bits) { return to_float(bfloat16{bits}); }
};
struct Bool {
  using Bits = uint8_t;
  static uint8_t value(Bits bits) { return bits != 0; }
};
template <typename T>
struct Plain {
  using Bits = T;
  static T value(T x) { return x; }
};

// One run of n elements, `stride` elements apart in the source.
template <typename Source, typename T>
void convert_run(const std::byte* source, int64_t stride, int64_t n, T* destination) {
  using Bits = typename Source::Bits;
  if constexpr (std::is_same_v<Source, Plain<T>>) {
    if (stride == 1) {
      std::memcpy(destination, source, static_cast<size_t>(n) * sizeof(T));
      return;
    }
  }
  const auto element = [&](int64_t i) {
    Bits bits;
    std::memcpy(&bits, source + static_cast<size_t>(i) * sizeof(Bits), sizeof(Bits));
    return static_cast<T>(Source::value(bits));
  };
  if (stride == 1) {
    for (int64_t i = 0; i < n; ++i) destination[i] = element(i);
  } else {
    for (int64_t i = 0; i < n; ++i) destination[i] = element(i * stride);
  }
}

// Walks the outer axes of a strided tensor in row-major order; the last axis is one run.
template <typename Source, typename T>
void convert(const StoredTensor& tensor, std::span<T> destination) {
  const std::byte* source = tensor.bytes.data();
  if (destination.empty()) return;
  if (tensor.contiguous()) {
    return convert_run<Source>(source, 1, tensor.numel(), destination.data());
  }
  const auto outer = static_cast<int>(tensor.sizes.size()) - 1;  // contiguous() takes scalars
  const int64_t run = tensor.sizes.back();
  std::vector<int64_t> index(outer, 0);
  int64_t offset = 0;  // in elements
  for (T* row = destination.data(); row != destination.data() + destination.size(); row += run) {
    convert_run<Source>(source + static_cast<size_t>(offset) * sizeof(typename Source::Bits),
                        tensor.strides.back(), run, row);
    for (int axis = outer - 1; axis >= 0; --axis) {
      offset += tensor.strides[axis];
      if (++index[axis] < tensor.sizes[axis]) break;
      offset -= tensor.strides[axis] * tensor.sizes[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace

int64_t StoredTensor::numel() const {
  int64_t product = 1;
  for (const int64_t size : sizes) product *= size;
  return product;
}

bool StoredTensor::contiguous() const {
  if (strides.empty() || numel() == 0) return true;
  int64_t expected = 1;
  for (size_t axis = sizes.size(); axis-- > 0;) {
    if (sizes[axis] != 1 && strides[axis] != expected) return false;
    expected *= sizes[axis];
  }
  return true;
}

void StoredTensor::require_loadable() const {
  require(dtype.has_value(),
          "[{}] '{}' holds {}, which cannot be loaded; store it as F32, F16 or BF16.", where,
          shown(name), shown(type));
  require(sizes.size() <= kMaxRank, "[{}] '{}' has {} dimensions; at most {} are supported.", where,
          shown(name), sizes.size(), kMaxRank);
}

template <typename T>
void copy_to(const StoredTensor& tensor, std::span<T> destination) {
  tensor.require_loadable();
  require(static_cast<uint64_t>(tensor.numel()) == destination.size(),
          "[{}] '{}' {} has {} elements, where {} are wanted.", tensor.where, shown(tensor.name),
          to_text(tensor.sizes), tensor.numel(), destination.size());
  if constexpr (std::is_integral_v<T>) {
    const DType dtype = *tensor.dtype;
    require(
        dtype != DType::f64 && dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16,
        "[{}] '{}' holds {}, where integers are wanted.", tensor.where, shown(tensor.name),
        tensor.type);
  }
  switch (*tensor.dtype) {
    case DType::f64:
      return convert<Plain<double>>(tensor, destination);
    case DType::f32:
      return convert<Plain<float>>(tensor, destination);
    case DType::f16:
      return convert<Half>(tensor, destination);
    case DType::bf16:
      return convert<Bfloat>(tensor, destination);
    case DType::i64:
      return convert<Plain<int64_t>>(tensor, destination);
    case DType::i32:
      return convert<Plain<int32_t>>(tensor, destination);
    case DType::i16:
      return convert<Plain<int16_t>>(tensor, destination);
    case DType::i8:
      return convert<Plain<int8_t>>(tensor, destination);
    case DType::u8:
      return convert<Plain<uint8_t>>(tensor, destination);
    case DType::boolean:
      return convert<Bool>(tensor, destination);
  }
}

template void copy_to(const StoredTensor&, std::span<float>);
template void copy_to(const StoredTensor&, std::span<double>);
template void copy_to(const StoredTensor&, std::span<int64_t>);

std::optional<int64_t> checked_numel(std::span<const int64_t> sizes) {
  int64_t product = 1;
  for (const int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(product, size, &product)) return std::nullopt;
  }
  return product;
}

std::string to_text(std::span<const int64_t> sizes) {
  return fmt::format("({})", fmt::join(sizes, ", "));
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
