// Cross-entropy on a GPU. A warp owns a row, a block has four warps; lane l has the classes
// l, l + 32, ... Forward: each warp finds the row's maximum, then the sum of exponentials, and lane
// 0 has the row's loss in double; the same launch adds the losses up (grid_sums.cuh: sum_of_rows).
// Backward: the exponentials go to dlogits, where the same lane scales them. Sums over a row are a
// lane's own, then a butterfly over the warp: one fixed order, so two runs give the same bits. A
// GLUE task has 2 or 3 classes and a batch a few rows, so the launches are the cost.
#include "core/kernels/loss/cross_entropy.h"

#include "core/kernels/grid_sums.cuh"
#include "core/kernels/math.h"

namespace soragrad::kernels {
namespace {

// The largest of n numbers, by a warp.
__device__ real row_max(const real* x, int64_t n) {
  real max = -INFINITY;
  for (int64_t j = lane_index(); j < n; j += kWarp) max = x[j] > max ? x[j] : max;
  return warp_max(max);
}

struct RowLoss {
  CrossEntropyArgs args;
  __device__ double operator()(int64_t row) const {
    const real* logits = args.logits + row * args.classes;
    const real max = row_max(logits, args.classes);
    real sum = 0;
    for (int64_t j = lane_index(); j < args.classes; j += kWarp) sum += math::exp(logits[j] - max);
    sum = warp_sum(sum);
    if (lane_index() != 0) return 0;
    // The difference is taken first, as on the CPU: large logits would round it away.
    const real distance = max - logits[args.labels[row]];
    return log(static_cast<double>(sum)) + distance;
  }
};

struct StoreMean {
  real* loss;
  int64_t rows;
  __device__ void operator()(double sum) const {
    *loss = static_cast<real>(sum / static_cast<double>(rows));
  }
};

__global__ void cross_entropy_backward_kernel(CrossEntropyBackwardArgs args) {
  const int64_t row = global_warp();
  if (row >= args.rows) return;
  const real* logits = args.logits + row * args.classes;
  real* dlogits = args.dlogits + row * args.classes;
  const int64_t label = args.labels[row];
  const real max = row_max(logits, args.classes);
  real of_label = 0, others = 0;
  for (int64_t j = lane_index(); j < args.classes; j += kWarp) {
    dlogits[j] = math::exp(logits[j] - max);
    (j == label ? of_label : others) += dlogits[j];
  }
  others = warp_sum(others);
  const real sum = warp_sum(of_label) + others;
  const real factor = *args.dloss / static_cast<real>(args.rows) / sum;
  for (int64_t j = lane_index(); j < args.classes; j += kWarp) {
    // softmax - 1 at the label, computed without cancellation as minus the other classes' sum.
    dlogits[j] = factor * (j == label ? -others : dlogits[j]);
  }
}

}  // namespace

void cross_entropy_cuda(const CrossEntropyArgs& args) {
  sum_of_rows(RowLoss{args}, args.rows, StoreMean{args.loss, args.rows});
}

void cross_entropy_backward_cuda(const CrossEntropyBackwardArgs& args) {
  launch_rows(cross_entropy_backward_kernel, args.rows, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
