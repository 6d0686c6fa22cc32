// The narrow product of a low-rank delta in device code: x A^T forward, dy B backward. A block of 6
// warps owns 4 rows and goes through the ranks in groups of 8. A thread owns four columns of all
// rows: it loads four pieces of 16 bytes of the rows and eight of the factor, and makes 4 x 8 sums.
// A warp adds its lanes (cuda.cuh: warp_sums), shared memory the warps.
#pragma once

#include "core/kernels/cuda.cuh"
#include "core/kernels/linear/low_rank.h"

namespace soragrad::kernels {

constexpr int kRanks = 8;  // ranks of a group
constexpr int kRows = 4;   // rows of a block
constexpr int kWarps = 6;  // warps of a block: 192 threads of four columns have 768

// Ranks of the group that begins at `first`: 8, or fewer in the last one.
__device__ inline int group_size(int64_t rank, int64_t first) {
  return static_cast<int>(rank - first < kRanks ? rank - first : kRanks);
}

// How a factor lies in memory: A (rank, in) has a row per rank, B (out, rank) a row per column.
enum class Lies { by_rank, by_column };

// The factor's numbers for a group of ranks and four columns.
struct FactorPiece {
  real at[kRanks][4];  // rank, column

  // Ranks [first, first + ranks) and columns [column, column + 4) of a factor with n columns; zeros
  // beyond.
  template <Lies lies, bool kAligned>
  __device__ void load(const LowRankDelta& delta, const real* __restrict__ factor, int first,
                       int ranks, int column, int n) {
    const int rank = static_cast<int>(delta.rank);
    if (lies == Lies::by_rank) {
#pragma unroll
      for (int k = 0; k < kRanks; ++k) {
        const int64_t place = static_cast<int64_t>(first + k) * n + column;
        const Four four = load_fours<kAligned>(factor + place, k < ranks ? n - column : 0);
#pragma unroll
        for (int c = 0; c < 4; ++c) at[k][c] = four.at[c];
      }
    } else {
#pragma unroll
      for (int c = 0; c < 4; ++c) {
#pragma unroll
        for (int half = 0; half < kRanks; half += 4) {
          const int64_t place = static_cast<int64_t>(column + c) * rank + first + half;
          const Four four = load_fours<kAligned>(factor + place, column + c < n ? ranks - half : 0);
#pragma unroll
          for (int k = 0; k < 4; ++k) at[half + k][c] = four.at[k];
        }
      }
    }
  }
};

// The rows of a narrow product: x (rows, in) times a factor of `in` columns.
struct NarrowProduct {
  const real* x;
  const real* factor;
  int64_t rows, in;
};

// What the warps of a block have summed up.
using WarpSums = real[kWarps][kRows * kRanks];

// The thread's part of sums[8 row + rank] of the block's rows with the group's ranks. Multiplies
// take(row, column, four) for each piece of a row that it loads.
template <Lies lies, bool kAligned, typename Take>
__device__ void add_narrow_products(const LowRankDelta& delta, const NarrowProduct& product,
                                    int64_t begin, int first, real (&sums)[kRows * kRanks],
                                    const Take& take) {
  const int in = static_cast<int>(product.in), ranks = group_size(delta.rank, first);
  const int rows = static_cast<int>(product.rows - begin < kRows ? product.rows - begin : kRows);
  const real* __restrict__ x = product.x + begin * in;
#pragma unroll 1
  for (int column = 4 * static_cast<int>(threadIdx.x); column < in; column += 4 * kWarps * kWarp) {
    FactorPiece factor;
    factor.load<lies, kAligned>(delta, product.factor, first, ranks, column, in);
    Four of_row[kRows];
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      of_row[row] = load_fours<kAligned>(x + row * in + column, row < rows ? in - column : 0);
    }
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      if (row < rows) of_row[row] = take(row, column, of_row[row]);
    }
#pragma unroll
    for (int i = 0; i < kRows * kRanks; ++i) {
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        sums[i] += of_row[i / kRanks].at[c] * factor.at[i % kRanks][c];
      }
    }
  }
}

// The product's element (row, rank) of the block's rows and the group's ranks, in thread
// 8 row + rank; 0 in the other threads. A barrier must follow before the next call.
template <Lies lies, bool kAligned, typename Take>
__device__ real narrow_product(const LowRankDelta& delta, const NarrowProduct& product,
                               int64_t begin, int first, WarpSums& of_warp, const Take& take) {
  const int thread = static_cast<int>(threadIdx.x);
  real sums[kRows * kRanks] = {};
  add_narrow_products<lies, kAligned>(delta, product, begin, first, sums, take);
  warp_sums(sums);
  static_assert(kRows * kRanks == kWarp);  // so each lane has one total
  of_warp[thread / kWarp][lane_index()] = sums[0];
  __syncthreads();
  real sum = 0;
  if (thread < kRows * kRanks) {
#pragma unroll
    for (int warp = 0; warp < kWarps; ++warp) sum += of_warp[warp][thread];
  }
  return sum;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
