// A warp owns a row, which the norm leaves in its registers (layer_norm_row.cuh). It stores the row
// rounded, and multiplies it with the narrow factors of the deltas, four ranks at a time: a lane
// has the products of its own columns, and a butterfly adds the lanes. The lane that has the sum of
// a rank writes the delta's columns. Blocks behind those of the rows write the weights' border
// (delta_operand.cuh). Rows that do not fit into registers take the two kernels one after the
// other.
#include "core/kernels/norm/layer_norm_operand.h"

#include "core/kernels/linear/delta_operand.cuh"
#include "core/kernels/norm/layer_norm_row.cuh"

namespace soragrad::kernels {
namespace {

constexpr int kRanksAtOnce = 4;
constexpr int kLanesOfRank = kWarp / kRanksAtOnce;

// The products of a row with ranks [first, first + 4) of a factor (rank, width): lane
// kLanesOfRank * k has that of rank first + k.
template <int kFours>
__device__ real narrow_product_of_row(const LaneRow<kFours>& x, const real* __restrict__ factor,
                                      int rank, int first, int width) {
  LaneRow<kFours> of_rank[kRanksAtOnce] = {};
#pragma unroll
  for (int k = 0; k < kRanksAtOnce; ++k) {
    if (first + k < rank) of_rank[k].load(factor + static_cast<int64_t>(first + k) * width, width);
  }
  real sums[kRanksAtOnce] = {};
#pragma unroll
  for (int k = 0; k < kRanksAtOnce; ++k) {
    x.for_each(width, [&](int i, int c) { sums[k] += x.part[i].at[c] * of_rank[k].part[i].at[c]; });
  }
  warp_sums(sums);
  return sums[0];
}

// Stores x rounded.
template <int kFours>
__device__ void store_row(bfloat16* __restrict__ place, const LaneRow<kFours>& x, int width) {
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    if (x.column(i) < width) store_rounded(place + x.column(i), x.part[i]);
  }
}

// The operand's row of x.
template <bool kForward, int kFours>
__device__ void write_operand_row(const DeltaOperandArgs& args, int64_t row,
                                  const LaneRow<kFours>& x) {
  for (int i = 0; i < args.count; ++i) {
    const DeltaPart& part = args.parts[i];
    const int rank = static_cast<int>(part.delta.rank);
    const int width = static_cast<int>(narrow_width<kForward>(part.delta));
    if (part.copy) store_row(part.copy + row * args.pitch, x, width);
#pragma unroll 1
    for (int first = 0; first < rank; first += kRanksAtOnce) {
      const real sum = narrow_product_of_row(x, narrow_factor<kForward>(part), rank, first, width);
      const int lane = lane_index(), k = first + lane / kLanesOfRank;
      if (lane % kLanesOfRank == 0 && k < rank) write_narrow(args, part, row, k, sum);
    }
  }
}

// Blocks of rows.
SORAGRAD_HD unsigned row_blocks(const DeltaOperandArgs& args) {
  return static_cast<unsigned>((args.rows + kWarpsPerBlock - 1) / kWarpsPerBlock);
}

template <int kFours, bool kDropsX, bool kDropsY>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp)
    norm_operand_kernel(LayerNormOperandArgs args) {
  const int64_t row = global_warp();
  const unsigned blocks = row_blocks(args.operand);
  if (blockIdx.x >= blocks) return write_borders<true>(args.operand, blockIdx.x - blocks);
  if (row >= args.norm.rows) return;
  write_operand_row<true>(args.operand, row,
                          normalise_row<kFours, kDropsX, kDropsY>(args.norm, row));
}

template <int kFours, bool kDrops>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp)
    norm_operand_backward_kernel(LayerNormOperandBackwardArgs args) {
  const int64_t row = global_warp();
  const unsigned blocks = row_blocks(args.operand);
  if (blockIdx.x >= blocks) return write_borders<false>(args.operand, blockIdx.x - blocks);
  if (row >= args.norm.rows) return;
  write_operand_row<false>(args.operand, row, norm_gradient_of_row<kFours, kDrops>(args.norm, row));
}

// Launches either kernel.
template <bool kForward, typename Kernel, typename Args>
void launch_with_borders(Kernel kernel, const Args& args) {
  if (args.norm.rows == 0) return;
  const int64_t blocks =
      row_blocks(args.operand) + border_blocks<kForward>(args.operand, kWarpsPerBlock * kWarp);
  launch(kernel, grid_size(blocks), kWarpsPerBlock * kWarp, 0, args);
}

}  // namespace

void layer_norm_operand_cuda(const LayerNormOperandArgs& args) {
  const auto launch_short = [&](auto fours, auto drops_x, auto drops_y) {
    launch_with_borders<true>(norm_operand_kernel<fours(), drops_x(), drops_y()>, args);
  };
  if (factors_in_fours<true>(args.operand) && with_short_rows(args.norm, launch_short)) return;
  layer_norm_cuda(args.norm);
  delta_operand_cuda(args.operand);
}

void layer_norm_operand_backward_cuda(const LayerNormOperandBackwardArgs& args) {
  const auto launch_short = [&](auto fours, auto drops) {
    launch_with_borders<false>(norm_operand_backward_kernel<fours(), drops()>, args);
  };
  if (factors_in_fours<false>(args.operand) && with_short_rows(args.norm, launch_short)) {
    LayerNormBackwardArgs sums = args.norm;  // over rows
    sums.ds = sums.dx = nullptr;
    return layer_norm_backward_cuda(sums);
  }
  layer_norm_backward_cuda(args.norm);
  delta_operand_cuda(args.operand);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
