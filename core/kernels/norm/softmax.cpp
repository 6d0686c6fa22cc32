// Softmax on the CPU. A task is about 16 Ki elements in whole rows; a row is read three times
// (maximum, exponentials and their sum, division) while it is in the first-level cache. No sum
// crosses a task, so no thread count changes a bit.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/norm/softmax.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <cmath>

#include "core/kernels/norm/softmax.h"
#include "core/kernels/softmax-inl.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

void softmax_rows(const SoftmaxArgs& args, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const real* x = args.x + row * args.columns;
    real* y = args.y + row * args.columns;
    const real max = max_of(x, args.columns);
    if (max == -std::numeric_limits<real>::infinity()) {  // all masked, or only NaNs beside -inf
      for (int64_t j = 0; j < args.columns; ++j) y[j] = std::isnan(x[j]) ? x[j] : real(0);
      continue;
    }
    scale_row(1 / exp_and_sum(x, max, y, args.columns), y, args.columns);
  }
}

void softmax_backward_rows(const SoftmaxBackwardArgs& args, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const real* HWY_RESTRICT y = args.y + row * args.columns;
    const real* HWY_RESTRICT dy = args.dy + row * args.columns;
    real* HWY_RESTRICT dx = args.dx + row * args.columns;
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < args.columns; ++j) sum += dy[j] * y[j];
    for (int64_t j = 0; j < args.columns; ++j) dx[j] = y[j] * (dy[j] - sum);
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(softmax_rows);
HWY_EXPORT(softmax_backward_rows);

void softmax_cpu(const SoftmaxArgs& args) {
  parallel_chunks(args.rows, rows_of_task(kMathGrain, args.columns),
                  [&](int64_t begin, int64_t end) {
                    HWY_DYNAMIC_DISPATCH(softmax_rows)(args, begin, end);
                  });
}

void softmax_backward_cpu(const SoftmaxBackwardArgs& args) {
  parallel_chunks(args.rows, rows_of_task(kMathGrain, args.columns),
                  [&](int64_t begin, int64_t end) {
                    HWY_DYNAMIC_DISPATCH(softmax_backward_rows)(args, begin, end);
                  });
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
