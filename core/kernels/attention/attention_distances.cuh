// Gradients of the position tables, in two steps without atomics.
//
// 1. The backward kernels sum by distance. Sequences are dealt to at most 32 groups; a group has
//    memory of its own, one row of `hidden` columns per distance, and one block per head adds to
//    it.
// 2. fold_distances adds up the groups and the distances that share a row of the table.
//
// Both steps have an order that depends on the shapes alone, so two runs give the same bits.
#pragma once

#include <algorithm>

#include "core/kernels/attention/attention.h"
#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {

// 32 groups of 12 heads are 384 blocks: one wave of an H100 (132 multiprocessors, three blocks
// each). A group costs 3 MB a table at length 512, which is cleared, filled and read.
constexpr int64_t kMaxGroups = 32;

// The sums by distance of both tables: (groups, 2 max_length - 1, hidden) each, zeros at the start.
// Null if the gradient is not wanted.
struct DistanceSums {
  real* key;
  real* query;

  // Makes both pointers those of one group.
  __device__ void go_to_group(const AttentionArgs& args, int64_t group) {
    const int64_t size = (2 * args.max_length - 1) * args.heads * args.head_size;
    if (key) key += group * size;
    if (query) query += group * size;
  }
};

constexpr int kFoldWarps = 8;

// Writes the tables' gradients (positions, hidden). A block owns 32 columns of one row of one
// table: blockIdx is (row, columns, table). distance_row is non-decreasing, so the row's distances
// are one interval, found by bisection. It is short, except that all distances beyond the last
// bucket share the first or the last row. Warp w adds the intervals of the groups w, w + 8, ...;
// then warp 0 adds the eight sums in order.
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

// Allocates the sums by distance, calls run(groups, sums), which launches a kernel that fills them,
// and folds them into the tables' gradients. Without tables there is a group for each sequence and
// nothing to fold.
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

// SPDX-License-Identifier: Apache-2.0
