// Plain loops: a batch has a few rows of a few classes, next to the work of the model.
#include "core/kernels/loss/weighted.h"

#include <algorithm>

#include "core/kernels/loss/weighted_row-inl.h"
#include "core/parallel.h"

namespace soragrad::kernels {
namespace {

// Rows are added in their order, so the bits do not depend on the number of threads.
template <typename Args, typename RowLoss>
void sum_rows(const Args& args, RowLoss&& row_loss) {
  double sum = 0;
  for (int64_t row = 0; row < args.rows; ++row) sum += row_loss(args, row);
  *args.loss = static_cast<real>(sum);
}

template <typename Args, typename RowGradient>
void each_row(const Args& args, RowGradient&& row_gradient) {
  constexpr int64_t kGrain = 16384;  // elements a task
  parallel_chunks(args.rows, std::max<int64_t>(1, kGrain / args.classes),
                  [&](int64_t begin, int64_t end) {
                    for (int64_t row = begin; row < end; ++row) row_gradient(args, row);
                  });
}

}  // namespace

void weighted_cross_entropy_cpu(const WeightedCrossEntropyArgs& args) {
  sum_rows(args, row_loss);
}

void weighted_cross_entropy_backward_cpu(const WeightedCrossEntropyArgs& args) {
  each_row(args, row_gradient);
}

void weighted_binary_cross_entropy_cpu(const WeightedTargetsArgs& args) {
  sum_rows(args, row_binary_loss);
}

void weighted_binary_cross_entropy_backward_cpu(const WeightedTargetsArgs& args) {
  each_row(args, row_binary_gradient);
}

void weighted_mse_cpu(const WeightedTargetsArgs& args) {
  sum_rows(args, row_squared_loss);
}

void weighted_mse_backward_cpu(const WeightedTargetsArgs& args) {
  each_row(args, row_squared_gradient);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
