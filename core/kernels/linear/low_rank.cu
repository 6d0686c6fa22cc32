// The low-rank delta on a GPU. Ranks are processed in groups of 8, so that a thread keeps a number
// per rank in registers. Forward is one launch, backward two or three: the row pass, then the sums
// over rows (low_rank_sums.cu).
//
// Row pass (forward: u, y; backward: dh, du, dx). A block of 6 warps owns 4 rows. It makes the
// narrow product (low_rank.cuh), and then the wide one, for which a thread again owns four columns
// of all rows. Cost: x, y and dy cross memory once per launch and group of ranks.
#include "core/kernels/linear/low_rank.cuh"
#include "core/kernels/linear/low_rank_sums.h"

namespace soragrad::kernels {
namespace {

// The row pass: sums = x narrow^T, scaled = s * sums, y = [y] + scaled wide. Forward has x, A, u, B
// and y in these roles, backward dy, B, dh and du, A and dx.
struct RowPass {
  const real* x;       // (rows, in)
  const real* narrow;  // of `in` columns
  real* sums;          // (rows, rank): x narrow^T
  real* scaled;        // (rows, rank): s * sums; null: not kept
  const real* wide;    // of `out` columns
  GradientTarget y;    // (rows, out): scaled wide
  int64_t rows, in, out;
};

// What the threads of a block share: of each warp the sums of its columns, and the scaled results.
struct RowPassMemory {
  WarpSums of_warp;
  Four scaled[kRows][kRanks / 4];
};

// y = [y] + scaled wide, for the block's rows.
template <Lies lies, bool kAligned, bool kAdds>
__device__ void write_wide_products(const LowRankDelta& delta, const RowPass& pass, int64_t begin,
                                    int first, const RowPassMemory& memory) {
  const int out = static_cast<int>(pass.out), ranks = group_size(delta.rank, first);
  const int rows = static_cast<int>(pass.rows - begin < kRows ? pass.rows - begin : kRows);
  real* __restrict__ y = pass.y.data + begin * out;
#pragma unroll 1
  for (int column = 4 * static_cast<int>(threadIdx.x); column < out; column += 4 * kWarps * kWarp) {
    Four of_row[kRows] = {};
    if (kAdds) {
#pragma unroll
      for (int row = 0; row < kRows; ++row) {
        of_row[row] = load_fours<kAligned>(y + row * out + column, row < rows ? out - column : 0);
      }
    }
    FactorPiece factor;
    factor.load<lies, kAligned>(delta, pass.wide, first, ranks, column, out);
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
#pragma unroll
      for (int k = 0; k < kRanks; ++k) {
        const real h = memory.scaled[row][k / 4].at[k % 4];
#pragma unroll
        for (int c = 0; c < 4; ++c) of_row[row].at[c] += h * factor.at[k][c];
      }
    }
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      store_fours<kAligned>(y + row * out + column, row < rows ? out - column : 0, of_row[row]);
    }
  }
}

// Forward's narrow factor is A and its wide one B; backward's are B and A.
template <bool kForward, bool kAligned>
__global__ void __launch_bounds__(kWarps* kWarp, 2)
    row_pass_kernel(LowRankDelta delta, RowPass pass) {
  constexpr Lies kNarrow = kForward ? Lies::by_rank : Lies::by_column;
  constexpr Lies kWide = kForward ? Lies::by_column : Lies::by_rank;
  __shared__ RowPassMemory memory;
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kRows;
  const int thread = static_cast<int>(threadIdx.x);
  for (int first = 0; first < delta.rank; first += kRanks) {
    const real sum = narrow_product<kNarrow, kAligned>(
        delta, {.x = pass.x, .factor = pass.narrow, .rows = pass.rows, .in = pass.in}, begin, first,
        memory.of_warp, [](int, int, const Four& four) { return four; });
    if (thread < kRows * kRanks) {
      const int row = thread / kRanks, k = thread % kRanks;
      const bool exists = k < group_size(delta.rank, first);
      const real value = exists ? scale_of(delta, first + k) * sum : real(0);
      memory.scaled[row][k / 4].at[k % 4] = value;
      if (exists && begin + row < pass.rows) {
        const int64_t place = (begin + row) * delta.rank + first + k;
        pass.sums[place] = sum;
        if (pass.scaled) pass.scaled[place] = value;
      }
    }
    __syncthreads();
    if (!pass.y.data) continue;
    if (pass.y.accumulate || first > 0) {
      write_wide_products<kWide, kAligned, true>(delta, pass, begin, first, memory);
    } else {
      write_wide_products<kWide, kAligned, false>(delta, pass, begin, first, memory);
    }
  }
}

// blockIdx.x is a block of 4 rows.
template <bool kForward>
void launch_row_pass(const LowRankDelta& delta, const RowPass& pass) {
  if (pass.rows == 0) return;
  const bool aligned = in_fours(delta.rank, pass.narrow, pass.wide) && in_fours(pass.in, pass.x) &&
                       in_fours(pass.out, pass.y.data);
  with_flag(aligned, [&](auto in_fours) {
    launch(row_pass_kernel<kForward, in_fours()>, grid_size(ceil_div(pass.rows, kRows)),
           kWarps * kWarp, 0, delta, pass);
  });
}

}  // namespace

void low_rank_cuda(const LowRankArgs& args) {
  const LowRankDelta& delta = args.delta;
  launch_row_pass<true>(delta, {.x = args.x,
                                .narrow = delta.a,
                                .sums = args.u,
                                .scaled = nullptr,
                                .wide = delta.b,
                                .y = {args.y, true},
                                .rows = args.rows,
                                .in = delta.in,
                                .out = delta.out});
}

void low_rank_backward_cuda(const LowRankBackwardArgs& args) {
  const LowRankDelta& delta = args.delta;
  const Tensor dh = Tensor::empty({args.rows, delta.rank}, kReal, Device::cuda);
  const Tensor du = Tensor::empty_like(dh);
  launch_row_pass<false>(delta, {.x = args.dy,
                                 .narrow = delta.b,
                                 .sums = dh.data(),
                                 .scaled = du.data(),
                                 .wide = delta.a,
                                 .y = args.dx,
                                 .rows = args.rows,
                                 .in = delta.out,
                                 .out = delta.in});
  if (!args.da.data && !args.db.data && !args.dgate.data) return;
  low_rank_sums_cuda({.parts = {{.delta = delta,
                                 .x = args.x,
                                 .u = args.u,
                                 .dy = args.dy,
                                 .dh = dh.data(),
                                 .du = du.data(),
                                 .da = args.da,
                                 .db = args.db,
                                 .dgate = args.dgate,
                                 .rows = args.rows}},
                      .count = 1});
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
