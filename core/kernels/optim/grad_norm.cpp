#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/optim/grad_norm.cpp"
#include "core/kernels/simd.h"
// Above: the file is compiled once a SIMD target; simd.h explains.

#include <cmath>

#include "core/kernels/optim/grad_norm.h"
#include "core/kernels/reduce.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

double sum_of_squares(const real* x, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(sum_of_squares);

void grad_norm_cpu(const GradNormArgs& args) {
  const double sum = chunked_sum(args.n, kMemoryGrain, [&](int64_t begin, int64_t end) {
    return HWY_DYNAMIC_DISPATCH(sum_of_squares)(args.grad + begin, end - begin);
  });
  *args.norm = std::sqrt(sum);
  *args.scale = static_cast<real>(clip_scale(*args.norm, args.max_norm));
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
