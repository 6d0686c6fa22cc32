// exp, tanh and the normal distribution as branch-free code for both devices.
//
// On the CPU in float they are polynomials, because the compiler vectorises those, while a call of
// libm would keep a loop scalar. In CUDA device code exp and tanh are the toolkit's expf and tanhf.
// In double (the gradcheck build) all of them are libm's.
//
// Largest errors on the CPU over all floats (tests/core/kernels/math_test.cpp): exp 1.5 ulp, tanh
// 3 ulp, normal_tail 3.5e-7 relative, far tail included. The coefficients are least-squares fits,
// reweighted until the ripples of the relative error were equal.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace soragrad::math {

// e^(x + low). `low`, at most 0.1 in magnitude, carries bits of the exponent that x has no room
// for. The result is 0 below about -104 (in float) and infinity above 88.72.
SORAGRAD_HD float exp(float x, float low = 0) {
#ifdef __CUDA_ARCH__
  return ::expf(x) * ::expf(low);
#else
  // e^x = 2^n e^r with x = n ln 2 + r and |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds x / ln 2 to the
  // integer n and leaves n in the low bits of `shifted`.
  x = x < -110.0f ? -110.0f : x;
  x = x > 90.0f ? 90.0f : x;
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  // ln 2 in two parts: n times the first is exact, so r keeps all bits of x.
  const float r = ((x - n * 0.693359375f) + n * 2.12194440e-4f) + low;
  float p = 0.00138145725f;
  p = p * r + 0.00836872970f;
  p = p * r + 0.0416683893f;
  p = p * r + 0.166665205f;
  p = p * r + 0.499999934f;
  p = (p * r) * r + r + 1.0f;
  // 2^n as two factors of about 2^(n/2), each a normal float: a subnormal result is rounded once,
  // at the last product.
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - 0x4b400000;
  const int32_t half = exponent >> 1;
  const float scale1 = std::bit_cast<float>((half + 127) << 23);
  const float scale2 = std::bit_cast<float>((exponent - half + 127) << 23);
  return p * scale1 * scale2;
#endif
}

// Odd polynomial below 0.6, 1 - 2 / (e^(2|x|) + 1) above, where that does not cancel.
SORAGRAD_HD float tanh(float x) {
#ifdef __CUDA_ARCH__
  return ::tanhf(x);
#else
  const float magnitude = x < 0 ? -x : x;
  const float square = x * x;
  float p = -0.00589508400f;
  p = p * square + 0.0207959134f;
  p = p * square - 0.0537838147f;
  p = p * square + 0.133319240f;
  p = p * square - 0.333332980f;
  const float small = x + x * (square * p);
  const float large = 1.0f - 2.0f / (exp(2.0f * magnitude) + 1.0f);
  const float signed_large = x < 0 ? -large : large;
  return magnitude < 0.6f ? small : signed_large;
#endif
}

// e^(-x^2/2), the normal density times sqrt(2 pi). x^2 needs more bits than a float has, and exp
// turns an absolute error of its argument into a relative one, so the square is taken in two parts.
SORAGRAD_HD float exp_half_square(float x) {
  // `high` is x cut to 12 bits, whose square is exact. The rest of x^2 is (x - high) (x + high).
#ifdef __CUDA_ARCH__
  const float high = __uint_as_float(__float_as_uint(x) & 0xfffff000u);
#else
  const float high = std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0xfffff000u);
#endif
  const float main = -0.5f * (high * high);
  return exp(main, main < -110.0f ? 0.0f : -0.5f * ((x - high) * (x + high)));
}

// P(N(0, 1) > t) for t >= 0, given exp_half_square = e^(-t^2/2). It is e^(-t^2/2) R(t), in which R
// falls smoothly from 1/2 to about 1 / (sqrt(2 pi) t). R is approximated by u times a polynomial in
// 1 - u with u = 1 / (1 + 0.4 t); it is exact at t = 0.
SORAGRAD_HD float normal_tail(float t, float exp_half_square) {
  const float u = 1.0f / (1.0f + 0.4f * t);
  const float v = (0.4f * t) * u;  // 1 - u without cancellation
  float p = -0.0315778701f;
  p = p * v + 0.110649153f;
  p = p * v - 0.123475963f;
  p = p * v + 0.0537005225f;
  p = p * v - 0.0592065226f;
  p = p * v + 0.0222297897f;
  p = p * v + 0.116773742f;
  p = p * v + 0.0678409911f;
  p = p * v - 0.497356843f;
  p = p * v + 0.5f;
  return (p * u) * exp_half_square;
}

SORAGRAD_HD double exp(double x) {
  return std::exp(x);
}
SORAGRAD_HD double tanh(double x) {
  return std::tanh(x);
}
SORAGRAD_HD double exp_half_square(double x) {
  return std::exp(-0.5 * x * x);
}
SORAGRAD_HD double normal_tail(double t, double) {
  return 0.5 * std::erfc(t * 0.70710678118654752);
}

// P(N(0, 1) <= x), given exp_half_square = e^(-x^2/2): callers need that number anyway.
template <typename T>
SORAGRAD_HD T normal_cdf(T x, T exp_half_square) {
  const T tail = normal_tail(x < 0 ? -x : x, exp_half_square);
  return x < 0 ? tail : 1 - tail;
}

}  // namespace soragrad::math

// SPDX-License-Identifier: Apache-2.0
