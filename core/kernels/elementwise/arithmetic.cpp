#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/elementwise/arithmetic.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include "core/kernels/elementwise/arithmetic.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// y may be an input, so the pointers cannot be declared restrict. omp simd allows vectors anyway:
// every element is read before it is written.
void add_loop(const real* a, const real* b, real* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

void mul_loop(const real* a, const real* b, real* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
}

void scale_loop(const real* x, real factor, real* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = factor * x[i];
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(add_loop);
HWY_EXPORT(mul_loop);
HWY_EXPORT(scale_loop);

void add_cpu(const BinaryArgs& args) {
  parallel_chunks(args.n, kMemoryGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(add_loop)
    (args.a + begin, args.b + begin, args.y + begin, end - begin);
  });
}

void mul_cpu(const BinaryArgs& args) {
  parallel_chunks(args.n, kMemoryGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(mul_loop)
    (args.a + begin, args.b + begin, args.y + begin, end - begin);
  });
}

void scale_cpu(const ScaleArgs& args) {
  parallel_chunks(args.n, kMemoryGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(scale_loop)
    (args.x + begin, args.factor, args.y + begin, end - begin);
  });
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
