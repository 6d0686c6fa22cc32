// The last step of attention backward on a GPU: from sums by distance to the gradients of position
// tables. For each table and row r
//   dtable[r] = sum over groups of sequences, and over entries e with distance_row[e] = r, of
//               sums[group][e]
// Several tables, such as those of all layers, are one launch.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/kernels/attention/attention.h"
#include "core/kernels/gpu_kernel.h"

namespace soragrad::kernels {

// More groups give more blocks and take more memory: 3 MB a group and table at length 512.
constexpr int64_t kMaxGroups = 8;

struct FoldDistancesArgs {
  static constexpr int kMaxTables = 24;
  struct Table {
    const real* sums;  // (groups, width, hidden)
    real* dtable;      // (rows, hidden)
  };
  Table tables[kMaxTables];
  int count;
  const int32_t* distance_row;  // (width), non-decreasing
  int64_t groups, width, rows, hidden;
};
inline Cost cost(const FoldDistancesArgs& args) {
  return traffic(args.count * (args.groups * args.width + args.rows) * args.hidden);
}
SORAGRAD_GPU_KERNEL(fold_distances, FoldDistancesArgs);

// The step for the tables whose gradients these arguments want, the key's and then the query's.
// `sums` are theirs, one table's behind the other's; null: only count and sizes are asked for.
inline FoldDistancesArgs fold_args(const AttentionBackwardArgs& args, const real* sums) {
  const AttentionArgs& forward = args.forward;
  FoldDistancesArgs fold{.tables = {},
                         .count = 0,
                         .distance_row = forward.distance_row,
                         .groups = std::min(forward.sequences, kMaxGroups),
                         .width = 2 * forward.max_length - 1,
                         .rows = forward.positions,
                         .hidden = forward.heads * forward.head_size};
  for (real* dtable : {args.dposition_key, args.dposition_query}) {
    if (!dtable) continue;
    const int64_t before = fold.count * fold.groups * fold.width * fold.hidden;
    fold.tables[fold.count] = {sums ? sums + before : nullptr, dtable};
    ++fold.count;
  }
  return fold;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
