// Element types. `real` is the type of arithmetic: float, or double in the gradcheck build, which
// compiles the same sources with SORAGRAD_REAL_DOUBLE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/host_device.h"

namespace soragrad {

#ifdef SORAGRAD_REAL_DOUBLE
using real = double;
#else
using real = float;
#endif

enum class DType : uint8_t { f32, f64, bf16, f16, i64, i32, i16, i8, u8, boolean };

constexpr DType kReal = sizeof(real) == 8 ? DType::f64 : DType::f32;

// Bytes of one element.
constexpr size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::bf16:
    case DType::f16:
    case DType::i16:
      return 2;
    case DType::i8:
    case DType::u8:
    case DType::boolean:
      return 1;
  }
  return 0;
}

// The safetensors name: "F32", "BF16", "I64", ...
std::string_view name_of(DType dtype);

// Storage-only half formats; conversions are exact to float and round to nearest even from it.
struct bfloat16 {
  uint16_t bits;
};
struct float16 {
  uint16_t bits;
};
SORAGRAD_HD float to_float(bfloat16 x) {
  return __builtin_bit_cast(float, uint32_t{x.bits} << 16);
}
SORAGRAD_HD bfloat16 to_bfloat16(float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);              // std::bit_cast is for hosts
  const uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;  // ties to even
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  return {static_cast<uint16_t>(nan ? bits >> 16 | 0x40 : nearest)};
}
float to_float(float16 x);  // subnormals included

// DType of a C++ type: dtype_of<float> == DType::f32. Other types than these do not compile.
template <typename T>
inline constexpr DType dtype_of = T::is_no_element_type;
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<float16> = DType::f16;
template <>
inline constexpr DType dtype_of<int64_t> = DType::i64;
template <>
inline constexpr DType dtype_of<int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<int16_t> = DType::i16;
template <>
inline constexpr DType dtype_of<int8_t> = DType::i8;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
