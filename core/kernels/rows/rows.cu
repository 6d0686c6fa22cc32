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

// For each position: 1 if it is the first one of its index, and the next one of the same index (n:
// none).
struct SameRows {
  int64_t* is_first;
  int64_t* next;
};

// A warp owns a position and compares its index with 32 others at a time: n / 32 steps.
__global__ void same_rows_kernel(ScatterAddRowsArgs args, SameRows same) {
  const int64_t position = global_warp();
  if (position >= args.n) return;
  const int64_t index = args.index[position];
  // The first position in [begin, end) of this index; n if there is none.
  const auto find = [&](int64_t begin, int64_t end) {
    for (; begin < end; begin += kWarp) {
      const int64_t other = begin + lane_index();
      const unsigned found = __ballot_sync(kAllLanes, other < end && args.index[other] == index);
      if (found != 0) return begin + __ffs(static_cast<int>(found)) - 1;
    }
    return args.n;
  };
  const bool is_first = index != args.skip && find(0, position) == args.n;
  const int64_t next = find(position + 1, args.n);
  if (lane_index() != 0) return;
  same.is_first[position] = is_first;
  same.next[position] = next;
}

// A thread owns a position and a column. That of the first position of an index adds all rows of
// that index, in rising order; those of later positions return. So each element has one writer and
// no atomics are needed.
__global__ void scatter_add_rows_kernel(ScatterAddRowsArgs args, SameRows same) {
  const int64_t position = global_thread() / args.hidden, column = global_thread() % args.hidden;
  if (position >= args.n || same.is_first[position] == 0) return;
  real& dx = args.dx[args.index[position] * args.hidden + column];
  real sum = dx;
  for (int64_t member = position; member < args.n; member = same.next[member]) {
    sum += args.dy[member * args.hidden + column];
  }
  dx = sum;
}

}  // namespace

void gather_rows_cuda(const GatherRowsArgs& args) {
  launch_elements(gather_rows_kernel, args.n * args.hidden, args);
}

void scatter_add_rows_cuda(const ScatterAddRowsArgs& args) {
  if (args.n == 0) return;
  const Tensor links = Tensor::empty({2, args.n}, DType::i64, Device::cuda);
  const SameRows same{links.data<int64_t>(), links.data<int64_t>() + args.n};
  launch_rows(same_rows_kernel, args.n, args, same);
  launch_elements(scatter_add_rows_kernel, args.n * args.hidden, args, same);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
