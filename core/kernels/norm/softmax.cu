// Softmax on a GPU. A warp owns a row, a block has four warps; lane l has the columns l, l + 32,
// ... and returns in each pass to the elements that it wrote itself, so passes need no barrier.
// Three passes: the maximum; the exponentials, written to y, and their sum; the division. Maximum
// and sum are a lane's own, then a butterfly over the warp: one fixed order, without atomics, so
// two runs give the same bits. Cost: x is read from memory once and y written once; the other
// passes hit the caches.
#include "core/kernels/norm/softmax.h"

#include "core/kernels/cuda.cuh"
#include "core/kernels/math.h"

namespace soragrad::kernels {
namespace {

__global__ void softmax_kernel(SoftmaxArgs args) {
  const int64_t row = global_warp();
  if (row >= args.rows) return;
  const real* x = args.x + row * args.columns;
  real* y = args.y + row * args.columns;
  real max = -INFINITY;
  for (int64_t j = lane_index(); j < args.columns; j += kWarp) max = x[j] > max ? x[j] : max;
  max = warp_max(max);
  if (max == -INFINITY) {
    // No element is above -inf: -inf becomes 0, a NaN stays.
    for (int64_t j = lane_index(); j < args.columns; j += kWarp) y[j] = x[j] < 0 ? real(0) : x[j];
    return;
  }
  real sum = 0;
  for (int64_t j = lane_index(); j < args.columns; j += kWarp) {
    y[j] = math::exp(x[j] - max);
    sum += y[j];
  }
  const real inverse = 1 / warp_sum(sum);
  for (int64_t j = lane_index(); j < args.columns; j += kWarp) y[j] *= inverse;
}

__global__ void softmax_backward_kernel(SoftmaxBackwardArgs args) {
  const int64_t row = global_warp();
  if (row >= args.rows) return;
  const real* y = args.y + row * args.columns;
  const real* dy = args.dy + row * args.columns;
  real* dx = args.dx + row * args.columns;
  real sum = 0;
  for (int64_t j = lane_index(); j < args.columns; j += kWarp) sum += dy[j] * y[j];
  sum = warp_sum(sum);
  for (int64_t j = lane_index(); j < args.columns; j += kWarp) dx[j] = y[j] * (dy[j] - sum);
}

}  // namespace

void softmax_cuda(const SoftmaxArgs& args) {
  launch_rows(softmax_kernel, args.rows, args);
}
void softmax_backward_cuda(const SoftmaxBackwardArgs& args) {
  launch_rows(softmax_backward_kernel, args.rows, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
