// The steps of one row's softmax, for the CPU kernels that need them (softmax, cross-entropy,
// attention):
//   y_j = exp(x_j - max of x) / sum over k of exp(x_k - max of x)
// The maximum is subtracted first because exp overflows above 88. A row belongs to one thread; its
// sums run in vector lanes, so their bits depend on the vector width and not on the thread count.

// Included once for each SIMD target (simd.h), so Highway's toggle replaces #pragma once.
#if defined(SORAGRAD_SOFTMAX_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SORAGRAD_SOFTMAX_INL_H
#undef SORAGRAD_SOFTMAX_INL_H
#else
#define SORAGRAD_SOFTMAX_INL_H
#endif

#include <cstdint>
#include <limits>

#include "core/dtype.h"
#include "core/kernels/math.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// The largest element, or -infinity for none. NaNs are skipped.
inline real max_of(const real* HWY_RESTRICT x, int64_t n) {
  real result = -std::numeric_limits<real>::infinity();
#pragma omp simd reduction(max : result)
  for (int64_t j = 0; j < n; ++j) result = x[j] > result ? x[j] : result;
  return result;
}

// y = exp(x - shift), not yet divided by its sum. Returns that sum. y may be x.
inline real exp_and_sum(const real* x, real shift, real* y, int64_t n) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < n; ++j) {
    y[j] = math::exp(x[j] - shift);
    sum += y[j];
  }
  return sum;
}

// y *= factor.
inline void scale_row(real factor, real* y, int64_t n) {
#pragma omp simd
  for (int64_t j = 0; j < n; ++j) y[j] *= factor;
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

// SPDX-License-Identifier: Apache-2.0
