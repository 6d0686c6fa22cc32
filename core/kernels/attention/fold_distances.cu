// A block owns 32 columns of one row of one table: blockIdx is (row, columns, table). distance_row
// is non-decreasing, so the row's distances are one interval, found by bisection. It is short,
// except that all distances beyond the last bucket share the first or the last row. Warp w adds the
// interval of group w; then warp 0 adds the groups' sums in order. Distances that no sequence has
// add zeros: idle tokens change no bit.
#include "core/kernels/attention/fold_distances.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

constexpr int kFoldWarps = static_cast<int>(kMaxGroups);

// The first entry whose row is at least this.
__device__ int64_t first_entry(const FoldDistancesArgs& args, int64_t least_row) {
  int64_t low = 0, high = args.width;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (args.distance_row[middle] < least_row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

__global__ void __launch_bounds__(kFoldWarps* kWarp) fold_kernel(FoldDistancesArgs args) {
  __shared__ real parts[kFoldWarps][kWarp];
  const FoldDistancesArgs::Table table = args.tables[blockIdx.z];
  const int64_t row = blockIdx.x, column = blockIdx.y * kWarp + lane_index();
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int64_t begin = first_entry(args, row), end = first_entry(args, row + 1);
  real sum = 0;
  if (warp < args.groups && column < args.hidden) {
    const real* __restrict__ of_group = table.sums + warp * args.width * args.hidden + column;
#pragma unroll 8
    for (int64_t entry = begin; entry < end; ++entry) sum += of_group[entry * args.hidden];
  }
  parts[warp][lane_index()] = sum;
  __syncthreads();
  if (warp != 0 || column >= args.hidden) return;
  for (int other = 1; other < kFoldWarps; ++other) sum += parts[other][lane_index()];
  table.dtable[row * args.hidden + column] = sum;
}

}  // namespace

void fold_distances_cuda(const FoldDistancesArgs& args) {
  if (args.count == 0 || args.rows == 0) return;
  launch(fold_kernel,
         dim3(grid_size(args.rows), grid_size(ceil_div(args.hidden, kWarp)), grid_size(args.count)),
         kFoldWarps * kWarp, 0, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
