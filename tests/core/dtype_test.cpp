#include "core/dtype.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace soragrad {
namespace {

// The value of half-precision bits by the definition of IEEE 754.
double half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

}  // namespace

TEST_CASE("dtype: every finite half converts exactly, subnormals included") {
  int checked = 0;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits >> 10 & 31) == 31) continue;
    const float value = to_float(float16{static_cast<uint16_t>(bits)});
    checked += value == half_value(static_cast<uint16_t>(bits)) &&
               std::signbit(value) == (bits >> 15 == 1);
  }
  CHECK(checked == 2 * 31 * 1024);
  CHECK(to_float(float16{0x0001}) == std::ldexp(1.0f, -24));
}

TEST_CASE("dtype: infinities and NaN of halves stay what they are") {
  CHECK(to_float(float16{0x7c00}) == std::numeric_limits<float>::infinity());
  CHECK(to_float(float16{0xfc00}) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(to_float(float16{0x7e01})));
}

TEST_CASE("dtype: bfloat16 rounds to nearest, ties to even") {
  const auto rounded = [](uint32_t bits) { return to_bfloat16(std::bit_cast<float>(bits)).bits; };
  CHECK(rounded(0x3f800000) == 0x3f80);  // 1
  CHECK(rounded(0x3f807fff) == 0x3f80);  // just below half
  CHECK(rounded(0x3f808000) == 0x3f80);  // a tie, to even
  CHECK(rounded(0x3f818000) == 0x3f82);  // a tie, to even
  CHECK(rounded(0x3f808001) == 0x3f81);  // just above half
  CHECK(rounded(0x7f7fffff) == 0x7f80);  // the largest float is nearer to infinity
  CHECK(rounded(0x00000001) == 0x0000);
}

TEST_CASE("dtype: bfloat16 keeps NaN and infinities") {
  CHECK(std::isnan(to_float(to_bfloat16(std::bit_cast<float>(0x7f800001u)))));
  CHECK(std::isnan(to_float(to_bfloat16(std::bit_cast<float>(0xffffffffu)))));
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(to_float(to_bfloat16(-infinity)) == -infinity);
}

TEST_CASE("dtype: bfloat16 and back is the identity") {
  int equal = 0;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const bfloat16 x{static_cast<uint16_t>(bits)};
    equal += std::isnan(to_float(x)) || to_bfloat16(to_float(x)).bits == bits;
  }
  CHECK(equal == 0x10000);
}

TEST_CASE("dtype: names are those of safetensors, sizes are in bytes") {
  CHECK(name_of(DType::bf16) == "BF16");
  CHECK(name_of(DType::boolean) == "BOOL");
  CHECK(name_of(DType::i64) == "I64");
  CHECK(size_of(DType::f64) == 8);
  CHECK(size_of(DType::f16) == 2);
  CHECK(size_of(DType::boolean) == 1);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
