// What the kernels of attention share that make an operand of their rows (attention_operand.h). A
// warp has 16 rows of a head's columns in registers (a slice of the rows): it writes them rounded,
// and multiplies them with these columns of the narrow factors, four ranks at a time. The four
// lanes that share a row add what they have, and the slice's narrow products go to memory. Of the
// blocks of all heads that have the same rows, the last one adds up the slices in their order and
// writes what follows from the sums. Blocks behind those of the rows write the weights' border.
#pragma once

#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_operand.h"
#include "core/kernels/grid_sums.cuh"
#include "core/kernels/linear/delta_operand.cuh"

namespace soragrad::kernels {

constexpr int kSlicesAtOnce = 16;  // whose narrow products a thread loads before it adds them

// An operand that is made slice by slice.
struct SlicedOperand {
  DeltaOperandArgs args;
  int slices;           // of a row
  real* products;       // of each part (slices, rows, rank)
  unsigned row_blocks;  // along x
};

// The narrow products (rows, rank) of slice 0 of a part.
__device__ inline real* products_of(const SlicedOperand& operand, int part) {
  int64_t ranks = 0;  // of the parts before
  for (int i = 0; i < part; ++i) ranks += operand.args.parts[i].delta.rank;
  return operand.products + operand.slices * operand.args.rows * ranks;
}

// What a warp has of a part's rows: rows [row, row + 16), of which `rows` are in the sequence, and
// columns from `column` on, of which `columns` are in the head.
struct Slice {
  int part, number;
  int64_t row;
  int rows, column, columns;
};

// Writes a slice, rounded, and its narrow products.
template <bool kForward, int kCount>
__device__ void write_slice(const SlicedOperand& operand, const Slice& of,
                            const FragmentC (&x)[kCount]) {
  const DeltaPart& part = operand.args.parts[of.part];
  const auto rank = static_cast<int>(part.delta.rank);
  const int64_t width = narrow_width<kForward>(part.delta);
  const auto column = [](int n) { return kMmaColumns * n + fragment_column(0); };
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int row = fragment_row(2 * r);
    if (!part.copy || row >= of.rows) continue;
    bfloat16* place = part.copy + (of.row + row) * operand.args.pitch + of.column;
#pragma unroll
    for (int n = 0; n < kCount; ++n) {
      if (column(n) >= of.columns) continue;
      *reinterpret_cast<uint32_t*>(place + column(n)) =
          bf16_pair(x[n].at[2 * r], x[n].at[2 * r + 1]);
    }
  }
  const real* factors = narrow_factor<kForward>(part) + of.column;
  real* products = products_of(operand, of.part) + (of.number * operand.args.rows + of.row) * rank;
#pragma unroll 1
  for (int first = 0; first < rank; first += kGroup) {
    Two factor[kGroup][kCount] = {};
#pragma unroll
    for (int k = 0; k < kGroup; ++k) {
      const real* __restrict__ of_rank = factors + (first + k) * width;
#pragma unroll
      for (int n = 0; n < kCount; ++n) {
        if (first + k >= rank || column(n) >= of.columns) continue;
        factor[k][n] = *reinterpret_cast<const Two*>(of_rank + column(n));
      }
    }
    real sums[2 * kGroup] = {};  // of each rank, the lane's two rows
#pragma unroll
    for (int i = 0; i < kGroup * kCount; ++i) {
      const int k = i / kCount, n = i % kCount;
#pragma unroll
      for (int e = 0; e < 4; ++e) sums[2 * k + e / 2] += x[n].at[e] * factor[k][n].at[e % 2];
    }
    warp_sums<kGroup>(sums);
    const int k = first + place_in_group();
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int row = fragment_row(2 * r);
      if (k < rank && row < of.rows) products[row * rank + k] = sums[r];
    }
  }
}

// In the last of the blocks that call it for these rows of a part, one for each head: adds up their
// slices. All threads of a block call it. `counter` numbers the rows that blocks share.
__device__ inline void finish_rows(const SlicedOperand& operand, int part, unsigned counter,
                                   int64_t first, int rows) {
  if (!is_last_block(counter, gridDim.y)) return;
  const DeltaPart& made = operand.args.parts[part];
  const auto rank = static_cast<int>(made.delta.rank);
  const int64_t of_slice = operand.args.rows * rank;
  const real* products = products_of(operand, part) + first * rank;
  for (int i = static_cast<int>(threadIdx.x); i < rows * rank; i += static_cast<int>(blockDim.x)) {
    real sum = 0;
#pragma unroll 1
    for (int slice = 0; slice < operand.slices; slice += kSlicesAtOnce) {
      real of[kSlicesAtOnce];
#pragma unroll
      for (int n = 0; n < kSlicesAtOnce; ++n) {
        of[n] = slice + n < operand.slices ? products[(slice + n) * of_slice + i] : real(0);
      }
#pragma unroll
      for (const real& each : of) sum += each;
    }
    write_narrow(operand.args, made, first + i / rank, i % rank, sum);
  }
}

// Zeros in the rows of the idle tokens.
__device__ inline void clear_idle_operand(const AttentionArgs& args,
                                          const DeltaOperandArgs& operand) {
  for_each_idle_row(args, [&](int64_t row) {
    for (int i = 0; i < operand.count; ++i) {
      const DeltaPart& part = operand.parts[i];
      if (part.copy) clear_head(args, part.copy + row * operand.pitch);
      for (int64_t k = threadIdx.x; blockIdx.y == 0 && k < part.delta.rank; k += blockDim.x) {
        write_narrow(operand, part, row, k, 0);
      }
    }
  });
}

// The number of a block behind those of the rows, among those of the border.
__device__ inline unsigned border_block(const SlicedOperand& operand) {
  return (blockIdx.x - operand.row_blocks) * gridDim.y + blockIdx.y;
}

// True if kernels can make the operand of their rows, which need that many counters.
template <bool kForward>
bool makes_operand(const AttentionArgs& args, const DeltaOperandArgs& operand, int64_t counters) {
  return args.bf16 && counters > 0 && counters <= kMaxCounters &&
         factors_in_fours<kForward>(operand);
}

// Calls launch(operand, blocks) for a kernel with `row_blocks` blocks of rows and then those of the
// border, `blocks` in all; along y the grid has the heads, each with `slices` slices of a row.
template <bool kForward, typename Launch>
void with_slices(const AttentionArgs& args, const DeltaOperandArgs& operand, int slices_of_head,
                 int64_t row_blocks, int64_t threads, const Launch& launch) {
  int64_t ranks = 0;
  for (int i = 0; i < operand.count; ++i) ranks += operand.parts[i].delta.rank;
  const int64_t slices = slices_of_head * args.heads;
  const Tensor products = Tensor::empty({slices, operand.rows, ranks}, kReal, Device::cuda);
  const int64_t border = ceil_div(border_blocks<kForward>(operand, threads), args.heads);
  launch(SlicedOperand{operand, static_cast<int>(slices), products.data(), grid_size(row_blocks)},
         row_blocks + border);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
