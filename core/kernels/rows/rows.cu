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

// sum and, in rising order, this lane's column of each row of dy from `begin` on that goes to
// `index`. The whole warp calls it.
__device__ real add_members(const ScatterAddRowsArgs& args, real sum, int64_t index, int64_t begin,
                            int64_t column) {
  for (int64_t from = begin; from < args.n; from += kWarp) {
    const int64_t other = from + lane_index();
    unsigned same = __ballot_sync(kAllLanes, other < args.n && args.index[other] == index);
    for (; same != 0; same &= same - 1) {  // lanes in rising order
      const int64_t member = from + __ffs(static_cast<int>(same)) - 1;
      if (column < args.hidden) sum += args.dy[member * args.hidden + column];
    }
  }
  return sum;
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
  const real before = inside ? args.dx[index * args.hidden + column] : real(0);
  const real sum = add_members(args, before, index, position, column);
  if (inside) args.dx[index * args.hidden + column] = sum;
}

// A warp owns a row of dx and 32 columns.
__global__ void fresh_rows_kernel(ScatterAddRowsArgs args) {
  const int64_t slices = ceil_div(args.hidden, kWarp);
  const int64_t row = global_warp() / slices;
  const int64_t column = global_warp() % slices * kWarp + lane_index();
  if (row >= args.fresh_rows) return;
  const real sum = row == args.skip ? real(0) : add_members(args, 0, row, 0, column);
  if (column < args.hidden) args.dx[row * args.hidden + column] = sum;
}

}  // namespace

void gather_rows_cuda(const GatherRowsArgs& args) {
  launch_elements(gather_rows_kernel, args.n * args.hidden, args);
}

void scatter_add_rows_cuda(const ScatterAddRowsArgs& args) {
  const int64_t slices = ceil_div(args.hidden, kWarp);
  // Each fresh row looks through all n indices. For a table of words that takes longer than zeros.
  constexpr int64_t kMostLooks = 1 << 24;
  if (args.fresh_rows > 0 && args.fresh_rows * args.n <= kMostLooks) {
    return launch_rows(fresh_rows_kernel, args.fresh_rows * slices, args);
  }
  if (args.fresh_rows > 0) {
    cuda::fill_zero(args.dx, static_cast<size_t>(args.fresh_rows * args.hidden) * sizeof(real));
  }
  launch_rows(scatter_add_rows_kernel, args.n * slices, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
