// Sums run in double: they are bound by memory, so it costs nothing, and the loss of a long run
// shows the last digits. Tasks are fixed chunks whose sums are added in order (reduce.h).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/loss/sums.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <cmath>

#include "core/kernels/loss/sums.h"
#include "core/kernels/reduce.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

double sum_of(const real* x, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
  return sum;
}

double sum_of_magnitudes(const real* x, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i] < 0 ? -x[i] : x[i]);
  return sum;
}

double sum_of_squared_differences(const real* a, const real* b, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(sum_of);
HWY_EXPORT(sum_of_magnitudes);
HWY_EXPORT(sum_of_squared_differences);

void sum_cpu(const SumArgs& args) {
  *args.y = static_cast<real>(chunked_sum(args.n, kMemoryGrain, [&](int64_t begin, int64_t end) {
    return HWY_DYNAMIC_DISPATCH(sum_of)(args.x + begin, end - begin);
  }));
}

void sum_backward_cpu(const SumBackwardArgs& args) {
  std::fill_n(args.dx, args.n, *args.dy);
}

void mse_cpu(const MseArgs& args) {
  const double sum = chunked_sum(args.n, kMemoryGrain, [&](int64_t begin, int64_t end) {
    return HWY_DYNAMIC_DISPATCH(sum_of_squared_differences)(args.predictions + begin,
                                                            args.targets + begin, end - begin);
  });
  *args.loss = static_cast<real>(sum / static_cast<double>(args.n));
}

void mse_backward_cpu(const MseBackwardArgs& args) {
  const real factor = 2 * *args.dloss / static_cast<real>(args.n);
  for (int64_t i = 0; i < args.n; ++i) {
    args.dpredictions[i] = factor * (args.predictions[i] - args.targets[i]);
  }
}

void mean_abs_cpu(const MeanAbsArgs& args) {
  double sum = 0;
  for (int part = 0; part < args.count; ++part) {
    const auto& [x, dx, n] = args.parts[part];
    sum += chunked_sum(n, kMemoryGrain, [x = x](int64_t begin, int64_t end) {
      return HWY_DYNAMIC_DISPATCH(sum_of_magnitudes)(x + begin, end - begin);
    });
  }
  const auto scaled = static_cast<real>(static_cast<double>(args.factor) * sum);
  *args.y = args.adds ? *args.y + scaled : scaled;
}

void mean_abs_backward_cpu(const MeanAbsArgs& args) {
  const real slope = args.factor * *args.dy;
  for (int part = 0; part < args.count; ++part) {
    const auto& [x, dx, n] = args.parts[part];
    if (!dx.data) continue;
    for (int64_t i = 0; i < n; ++i) dx.write(i, x[i] > 0 ? slope : x[i] < 0 ? -slope : real(0));
  }
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
