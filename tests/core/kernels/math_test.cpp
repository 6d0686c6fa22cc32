// The float functions of math.h against libm in double, over all magnitudes.
#include "core/kernels/math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/kernels/elementwise/elementwise_math.h"

namespace soragrad {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kSmallestNormal = std::numeric_limits<float>::min();

// Distance in units of the last place of a float of this magnitude; subnormals share one unit.
double ulps(double actual, double exact) {
  const int exponent = std::max(std::ilogb(exact == 0 ? kSmallestNormal : exact), -126);
  return std::abs(actual - exact) / std::ldexp(1.0, exponent - 23);
}

// Calls body for about a million floats: all signs and magnitudes up to `limit`.
template <typename Body>
void for_floats(float limit, Body body) {
  constexpr uint32_t kStride = 2003;
  for (uint64_t bits = 0; bits < 0x80000000u; bits += kStride) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (!(x <= limit)) break;
    body(x);
    body(-x);
  }
}

}  // namespace

TEST_CASE("math: exp is within 1.5 units in the last place, subnormal results too") {
  double worst = 0;
  for_floats(88.7f, [&](float x) {
    worst = std::max(worst, ulps(math::exp(x), std::exp(static_cast<double>(x))));
  });
  CHECK(worst < 1.5);
  for (float x = -103.5f; x < -87.0f; x += 0.01f) {
    CHECK(ulps(math::exp(x), std::exp(static_cast<double>(x))) < 1.5);
  }
}

TEST_CASE("math: exp ends in 0, infinity and NaN") {
  CHECK(math::exp(0.0f) == 1);
  CHECK(math::exp(-200.0f) == 0);
  CHECK(math::exp(-kInfinity) == 0);
  CHECK(math::exp(89.0f) == kInfinity);
  CHECK(math::exp(kInfinity) == kInfinity);
  CHECK(std::isnan(math::exp(std::nanf(""))));
}

TEST_CASE("math: tanh is within 3 units in the last place") {
  double worst = 0;
  for_floats(kInfinity, [&](float x) {
    worst = std::max(worst, ulps(math::tanh(x), std::tanh(static_cast<double>(x))));
  });
  CHECK(worst < 3);
  CHECK(std::isnan(math::tanh(std::nanf(""))));
}

TEST_CASE("math: the normal distribution is within 3.5e-7, relative, in its far tail too") {
  double worst = 0;
  for_floats(13.0f, [&](float x) {
    const double exact = 0.5 * std::erfc(-static_cast<double>(x) / std::sqrt(2.0));
    const double actual = math::normal_cdf(x, math::exp_half_square(x));
    worst = std::max(worst, std::abs(actual / exact - 1));
  });
  CHECK(worst < 3.5e-7);
}

TEST_CASE("math: gelu is x/2 (1 + erf(x / sqrt 2)) within 4e-7, relative") {
  if (sizeof(real) != 4) return;
  double worst = 0, worst_derivative = 0;
  for_floats(12.0f, [&](float value) {
    const double x = value;
    const double phi = 0.5 * std::erfc(-x / std::sqrt(2.0));
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
    if (x != 0) {
      // The product of subnormal size is rounded to a subnormal: absolute there.
      const double error = std::abs(kernels::Gelu::forward(value) - x * phi);
      worst = std::max(worst, error / std::max(std::abs(x * phi), kSmallestNormal));
    }
    worst_derivative = std::max(worst_derivative,
                                std::abs(kernels::Gelu::derivative(value) - (phi + x * density)));
  });
  CHECK(worst < 4e-7);
  CHECK(worst_derivative < 5e-7);
}

TEST_CASE("math: gelu of large numbers is the number or zero") {
  for (const double size : {40., 1234.567, 131136., 1.2e6, 1.000001e12, 1e18}) {
    const real x = static_cast<real>(size);
    CAPTURE(x);
    CHECK(kernels::Gelu::forward(x) == x);
    CHECK(kernels::Gelu::forward(-x) == 0);
    CHECK(kernels::Gelu::derivative(x) == 1);
    CHECK(kernels::Gelu::derivative(-x) == 0);
    CHECK(kernels::GeluNew::forward(x) == x);
    CHECK(kernels::GeluNew::forward(-x) == 0);
    CHECK(kernels::GeluNew::derivative(x) == 1);
    CHECK(kernels::GeluNew::derivative(-x) == 0);
  }
}

TEST_CASE("math: gelu_new follows its definition with tanh") {
  for (double x = -6; x < 6; x += 0.01) {
    const double u = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
    const double du = std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
    const double t = std::tanh(u);
    CHECK(kernels::GeluNew::forward(static_cast<real>(x)) ==
          doctest::Approx(0.5 * x * (1 + t)).epsilon(1e-6));
    CHECK(kernels::GeluNew::derivative(static_cast<real>(x)) ==
          doctest::Approx(0.5 * (1 + t) + 0.5 * x * (1 - t * t) * du).epsilon(1e-6));
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
