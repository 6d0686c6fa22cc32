// A block owns one row of one table: blockIdx is (row, table). distance_row is non-decreasing, so
// the row's distances are one interval. Each warp finds it, 32 entries at a time: in two steps up
// to 1024 entries. The interval is short, except that all distances beyond the last bucket share
// the first or the last row. A lane owns four columns; it adds the interval of each group, then the
// groups' sums in order. Distances that no sequence has add zeros: idle tokens change no bit.
#include "core/kernels/attention/fold_distances.h"

#include "core/integer_math.h"
#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

constexpr int kMostWarps = 8, kColumns = 4 * kWarp;  // columns: of a warp

// The first entry whose row is at least this. A step splits what is left into 32 parts; the lanes
// look at the ends of the parts.
__device__ int first_entry(const FoldDistancesArgs& args, int least_row) {
  int begin = 0, count = static_cast<int>(args.width);  // the entry is one of these, or the next
  while (count > 0) {
    const int part = ceil_div(count, kWarp), last = (lane_index() + 1) * part - 1;
    const bool before = last < count && args.distance_row[begin + last] < least_row;
    const int parts = __popc(__ballot_sync(kAllLanes, before));
    const int left = count - parts * part;
    begin += parts * part;
    count = part - 1 < left ? part - 1 : left;
  }
  return begin;
}

template <bool kAligned>
__global__ void fold_kernel(FoldDistancesArgs args) {
  const FoldDistancesArgs::Table table = args.tables[blockIdx.y];
  const int row = static_cast<int>(blockIdx.x), hidden = static_cast<int>(args.hidden);
  const int begin = first_entry(args, row), end = first_entry(args, row + 1);
  for (int column = 4 * static_cast<int>(threadIdx.x); column < hidden; column += 4 * blockDim.x) {
    Four of_group[kMaxGroups] = {};
    for (int entry = begin; entry < end; ++entry) {
      const real* sums = table.sums + entry * args.hidden + column;
      Four x[kMaxGroups];  // a group that does not exist reads the first one's, without a branch
#pragma unroll
      for (int group = 0; group < kMaxGroups; ++group) {
        const int64_t place = group < args.groups ? group * args.width * args.hidden : 0;
        x[group] = load_fours<kAligned>(sums + place, hidden - column);
      }
#pragma unroll
      for (int group = 0; group < kMaxGroups; ++group) {
        for (int c = 0; c < 4; ++c) {
          of_group[group].at[c] += group < args.groups ? x[group].at[c] : real(0);
        }
      }
    }
    Four sum = of_group[0];
#pragma unroll
    for (int group = 1; group < kMaxGroups; ++group) {
      for (int c = 0; c < 4; ++c) sum.at[c] += of_group[group].at[c];
    }
    store_fours<kAligned>(table.dtable + row * args.hidden + column, hidden - column, sum);
  }
}

}  // namespace

void fold_distances_cuda(const FoldDistancesArgs& args) {
  if (args.count == 0 || args.rows == 0) return;
  bool aligned = true;
  for (int i = 0; i < args.count; ++i) {
    aligned &= in_fours(args.hidden, args.tables[i].sums, args.tables[i].dtable);
  }
  const int64_t warps = std::min<int64_t>(ceil_div(args.hidden, kColumns), kMostWarps);
  with_flag(aligned, [&](auto is_aligned) {
    launch(fold_kernel<is_aligned()>, dim3(grid_size(args.rows), grid_size(args.count)),
           static_cast<int>(warps) * kWarp, 0, args);
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
