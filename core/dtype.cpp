#include "core/dtype.h"

#include <array>
#include <bit>

namespace soragrad {

std::string_view name_of(DType dtype) {
  constexpr std::array<std::string_view, 10> kNames = {"F32", "F64", "BF16", "F16", "I64",
                                                       "I32", "I16", "I8",   "U8",  "BOOL"};
  static_assert(kNames.size() == static_cast<size_t>(DType::boolean) + 1);
  return kNames[static_cast<size_t>(dtype)];
}

float to_float(float16 x) {
  const uint32_t sign = uint32_t{x.bits} >> 15 << 31;
  const uint32_t exponent = x.bits >> 10 & 31, mantissa = x.bits & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24, exact in float
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
