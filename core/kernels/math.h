// exp, tanh and the normal distribution as branch-free code for both devices. In float the compiler
// vectorises them where libm's calls would keep a loop scalar; in double they are libm's.
//
// Errors against the exact value, for floats of all magnitudes (tests/core/kernels/math_test.cpp):
// exp 1.5 ulp, tanh 3 ulp, normal_tail 3.5e-7 relative, the far tail included. Polynomials: least
// squares, reweighted to equal ripples of the relative error.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace soragrad::math {

// e^(x + low): low, of at most 0.1, carries bits that x has no room for.
SORAGRAD_HD float exp(float x, float low = 0) {
#ifdef __CUDA_ARCH__
  return ::expf(x) * ::expf(low);
#else
  // x = n ln 2 + r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 leaves round(x / ln 2) in the low bits.
  x = x < -110.0f ? -110.0f : x;
  x = x > 90.0f ? 90.0f : x;
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = ((x - n * 0.693359375f) + n * 2.12194440e-4f) + low;  // ln 2 in two parts
  float p = 0.00138145725f;
  p = p * r + 0.00836872970f;
  p = p * r + 0.0416683893f;
  p = p * r + 0.166665205f;
  p = p * r + 0.499999934f;
  p = (p * r) * r + r + 1.0f;
  // Two factors of about 2^(n/2): subnormal results round once, at the last product.
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - 0x4b400000;
  const int32_t half = exponent >> 1;
  const float scale1 = std::bit_cast<float>((half + 127) << 23);
  const float scale2 = std::bit_cast<float>((exponent - half + 127) << 23);
  return p * scale1 * scale2;
#endif
}

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

// e^(-x^2/2), the normal density times sqrt(2 pi).
SORAGRAD_HD float exp_half_square(float x) {
  // The high 12 bits of x square exactly; the rest of x^2 is (x - high) (x + high).
#ifdef __CUDA_ARCH__
  const float high = __uint_as_float(__float_as_uint(x) & 0xfffff000u);
#else
  const float high = std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0xfffff000u);
#endif
  const float main = -0.5f * (high * high);
  return exp(main, main < -110.0f ? 0.0f : -0.5f * ((x - high) * (x + high)));
}

// P(N(0, 1) > t) for t >= 0, given e^(-t^2/2): e^(-t^2/2) R(t), where R falls smoothly from 1/2
// like 1 / (sqrt(2 pi) t): u times a polynomial in 1 - u, u = 1 / (1 + 0.4 t), exact at t = 0.
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

// P(N(0, 1) <= x), given e^(-x^2/2).
template <typename T>
SORAGRAD_HD T normal_cdf(T x, T exp_half_square) {
  const T tail = normal_tail(x < 0 ? -x : x, exp_half_square);
  return x < 0 ? tail : 1 - tail;
}

}  // namespace soragrad::math
