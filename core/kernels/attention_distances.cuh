// Gradients of the position tables by distance: each group of sequences sums its own, then the sums
// are added up in the order of the groups and of the distances that share a row of the table.
#pragma once

#include "core/kernels/attention.h"
#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {

constexpr int64_t kMaxGroups = 64;  // 64 groups of 12 heads: 768 blocks, five a multiprocessor

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

// dtable (positions, hidden): a thread an element adds the distances of its row, which stand side
// by side as distance_row is non-decreasing.
static __global__ void fold_distances(AttentionArgs args, const real* sums, int64_t groups,
                                      real* dtable) {
  const int64_t hidden = args.heads * args.head_size, width = 2 * args.max_length - 1;
  const int64_t row = global_thread() / hidden, column = global_thread() % hidden;
  if (row >= args.positions) return;
  int64_t low = 0, high = width;  // the first entry whose row is not smaller
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (args.distance_row[middle] < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  real sum = 0;
  for (int64_t entry = low; entry < width && args.distance_row[entry] == row; ++entry) {
    for (int64_t group = 0; group < groups; ++group) {
      sum += sums[(group * width + entry) * hidden + column];
    }
  }
  dtable[row * hidden + column] = sum;
}

// Calls run(groups, sums), which is to fill sums, then makes the tables' gradients of them.
template <typename Run>
void with_distance_sums(const AttentionBackwardArgs& args, const Run& run) {
  const AttentionArgs& forward = args.forward;
  const bool tables = args.dposition_key || args.dposition_query;
  const int64_t groups = tables ? std::min(forward.sequences, kMaxGroups) : forward.sequences;
  const int64_t hidden = forward.heads * forward.head_size, width = 2 * forward.max_length - 1;
  const auto sums_for = [&](const real* dtable) {
    return dtable ? Tensor::zeros({groups, width * hidden}, kReal, Device::cuda) : Tensor();
  };
  const Tensor key = sums_for(args.dposition_key), query = sums_for(args.dposition_query);
  const DistanceSums sums{key.defined() ? key.data() : nullptr,
                          query.defined() ? query.data() : nullptr};
  run(groups, sums);
  const auto fold = [&](const real* distances, real* dtable) {
    if (!dtable) return;
    launch_elements(fold_distances, forward.positions * hidden, forward, distances, groups, dtable);
  };
  fold(sums.key, args.dposition_key);
  fold(sums.query, args.dposition_query);
}

}  // namespace soragrad::kernels
