#include "core/kernels/rows/rows.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

// A thread owns an element of y.
__global__ void gather_rows_kernel(GatherRowsArgs args) {
  const int64_t i = global_thread();
  if (i >= args.n * args.hidden) return;
  args.y[i] = args.x[args.index[i / args.hidden] * args.hidden + i % args.hidden];
}

// A warp owns a position and 32 columns. The warp of the first position of an index adds all rows
// of that index, in rising order; the warps of later positions return. So each element has one
// writer and no atomics are needed. The search costs n / 32 steps a warp, little for the tokens of
// a batch.
__global__ void scatter_add_rows_kernel(ScatterAddRowsArgs args) {
  const int64_t slices = ceil_div(args.hidden, kWarp);
  const int64_t position = global_warp() / slices;
  const int64_t column = global_warp() % slices * kWarp + lane_index();
  if (position >= args.n) return;
  const int64_t index = args.index[position];
  if (index == args.skip) return;
  for (int64_t before = 0; before < position; before += kWarp) {
    const int64_t other = before + lane_index();
    if (__ballot_sync(kAllLanes, other < position && args.index[other] == index) != 0) return;
  }
  const bool inside = column < args.hidden;
  real sum = inside ? args.dx[index * args.hidden + column] : real(0);
  for (int64_t from = position; from < args.n; from += kWarp) {
    const int64_t other = from + lane_index();
    unsigned same = __ballot_sync(kAllLanes, other < args.n && args.index[other] == index);
    for (; same != 0; same &= same - 1) {  // lanes in rising order
      const int64_t member = from + __ffs(static_cast<int>(same)) - 1;
      if (inside) sum += args.dy[member * args.hidden + column];
    }
  }
  if (inside) args.dx[index * args.hidden + column] = sum;
}

}  // namespace

void gather_rows_cuda(const GatherRowsArgs& args) {
  launch_elements(gather_rows_kernel, args.n * args.hidden, args);
}

void scatter_add_rows_cuda(const ScatterAddRowsArgs& args) {
  launch_rows(scatter_add_rows_kernel, args.n * ceil_div(args.hidden, kWarp), args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
