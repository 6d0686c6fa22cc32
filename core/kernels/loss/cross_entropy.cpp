// Cross-entropy on the CPU. A task is about 16 Ki logits in whole rows; its losses are added in
// double and the tasks' sums in order, so no thread count changes a bit. Each row subtracts its
// maximum before exp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/loss/cross_entropy.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <cmath>

#include "core/kernels/loss/cross_entropy.h"
#include "core/kernels/reduce.h"
#include "core/kernels/softmax-inl.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// Sum of exp(x - shift).
inline real sum_of_exp(const real* HWY_RESTRICT x, real shift, int64_t n) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < n; ++j) sum += math::exp(x[j] - shift);
  return sum;
}

// Sum of the losses of rows [begin, end).
double cross_entropy_rows(const CrossEntropyArgs& args, int64_t begin, int64_t end) {
  double sum = 0;
  for (int64_t row = begin; row < end; ++row) {
    const real* logits = args.logits + row * args.classes;
    const real max = max_of(logits, args.classes);
    // The difference is taken first: added to the logarithm one by one, large logits would round it
    // away.
    const real distance = max - logits[args.labels[row]];
    sum += std::log(static_cast<double>(sum_of_exp(logits, max, args.classes))) + distance;
  }
  return sum;
}

// dlogits of rows [begin, end).
void cross_entropy_backward_rows(const CrossEntropyBackwardArgs& args, int64_t begin, int64_t end) {
  const real factor = *args.dloss / static_cast<real>(args.rows);
  for (int64_t row = begin; row < end; ++row) {
    const real* logits = args.logits + row * args.classes;
    real* dlogits = args.dlogits + row * args.classes;
    const real sum = exp_and_sum(logits, max_of(logits, args.classes), dlogits, args.classes);
    const int64_t label = args.labels[row];
    // At the label the gradient is softmax - 1. A confident row would cancel, so it is computed as
    // minus the sum of the other classes.
    real others = 0;
    for (int64_t j = 0; j < args.classes; ++j) others += j == label ? real(0) : dlogits[j];
    dlogits[label] = -others;
    scale_row(factor / sum, dlogits, args.classes);
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(cross_entropy_rows);
HWY_EXPORT(cross_entropy_backward_rows);

void cross_entropy_cpu(const CrossEntropyArgs& args) {
  const double sum = chunked_sum(
      args.rows, rows_of_task(kMathGrain, args.classes), [&](int64_t begin, int64_t end) {
        return HWY_DYNAMIC_DISPATCH(cross_entropy_rows)(args, begin, end);
      });
  *args.loss = static_cast<real>(sum / static_cast<double>(args.rows));
}

void cross_entropy_backward_cpu(const CrossEntropyBackwardArgs& args) {
  parallel_chunks(args.rows, rows_of_task(kMathGrain, args.classes),
                  [&](int64_t begin, int64_t end) {
                    HWY_DYNAMIC_DISPATCH(cross_entropy_backward_rows)(args, begin, end);
                  });
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
