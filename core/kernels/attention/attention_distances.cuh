// Gradients of the position tables by distance: each group of sequences sums its own, then the sums
// are added up in the order of the groups and of the distances that share a row of the table.
#pragma once

#include <algorithm>

#include "core/kernels/attention/attention.h"
#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {

// 32 groups of 12 heads are 384 blocks, one wave of an H100 at three a multiprocessor. More would
// take memory, 3 MB a group and table at length 512, which is cleared, filled and read.
constexpr int64_t kMaxGroups = 32;

// (groups, 2 max_length - 1, hidden), zeros at first; null where a gradient is not wanted.
struct DistanceSums {
  real* key;
  real* query;

  __device__ void go_to_group(const AttentionArgs& args, int64_t group) {
    const int64_t size = (2 * args.max_length - 1) * args.heads * args.head_size;
    if (key) key += group * size;
    if (query) query += group * size;
  }
};

constexpr int kFoldWarps = 8;

// The tables' gradients (positions, hidden). A block has 32 columns of a row of one table, whose
// distances stand side by side as distance_row is non-decreasing: few, but all distances beyond the
// longest sequence share the first or last row. A warp adds those of every eighth group, then the
// warps' sums are added.
static __global__ void fold_distances(AttentionArgs args, DistanceSums both, int64_t groups,
                                      real* dposition_key, real* dposition_query) {
  __shared__ real parts[kFoldWarps][kWarp];
  const bool of_key = dposition_key && blockIdx.z == 0;
  const real* sums = of_key ? both.key : both.query;
  real* dtable = of_key ? dposition_key : dposition_query;
  const int64_t hidden = args.heads * args.head_size, width = 2 * args.max_length - 1;
  const int64_t row = blockIdx.x, column = blockIdx.y * kWarp + lane_index();
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const auto first_entry = [&](int64_t least_row) {
    int64_t low = 0, high = width;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (args.distance_row[middle] < least_row) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  const int64_t begin = first_entry(row), end = first_entry(row + 1);
  real sum = 0;
  for (int64_t group = warp; group < groups && column < hidden; group += kFoldWarps) {
    const real* at = sums + group * width * hidden + column;
#pragma unroll 8
    for (int64_t entry = begin; entry < end; ++entry) sum += at[entry * hidden];
  }
  parts[warp][lane_index()] = sum;
  __syncthreads();
  if (warp != 0 || column >= hidden) return;
  for (int other = 1; other < kFoldWarps; ++other) sum += parts[other][lane_index()];
  dtable[row * hidden + column] = sum;
}

// Calls run(groups, sums), which is to fill sums, then makes the tables' gradients of them.
template <typename Run>
void with_distance_sums(const AttentionBackwardArgs& args, const Run& run) {
  const AttentionArgs& forward = args.forward;
  const int64_t tables = (args.dposition_key != nullptr) + (args.dposition_query != nullptr);
  const int64_t groups = tables > 0 ? std::min(forward.sequences, kMaxGroups) : forward.sequences;
  const int64_t hidden = forward.heads * forward.head_size, width = 2 * forward.max_length - 1;
  const Tensor both = Tensor::zeros({tables, groups, width * hidden}, kReal, Device::cuda);
  const int64_t second = args.dposition_key ? groups * width * hidden : 0;
  const DistanceSums sums{args.dposition_key ? both.data() : nullptr,
                          args.dposition_query ? both.data() + second : nullptr};
  run(groups, sums);
  if (tables == 0) return;
  launch(fold_distances,
         dim3(grid_size(forward.positions), grid_size(ceil_div(hidden, kWarp)), grid_size(tables)),
         kFoldWarps * kWarp, 0, forward, sums, groups, args.dposition_key, args.dposition_query);
}

}  // namespace soragrad::kernels
