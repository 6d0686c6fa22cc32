// The low-rank delta on a GPU. Ranks are processed in groups of 8, so that a thread keeps a number
// per rank in registers. Forward is one launch, backward two or three.
//
// Row pass (forward: u, y; backward: dh, du, dx). A block of 8 warps owns 4 rows. For the narrow
// product a thread owns four columns of all rows: it loads four pieces of 16 bytes of the rows and
// eight of the factor, and makes 4 x 8 sums. A warp adds its lanes (cuda.cuh: warp_sums), shared
// memory the warps. For the wide product a thread again owns four columns of all rows.
//
// Row sums (dA, dB, dgate). A block owns 64 columns of x or dy, a chunk of 128 rows and a group of
// ranks; blockIdx is (columns, chunk, ranks). The narrow rows of the chunk are in shared memory. A
// thread owns four columns and every 16th row, all loads of which are under way at once. The sums
// of the 16 are added in order; those of several chunks by a third launch, in double.
//
// Chunks have a fixed size, so rows of zeros at the end change no bit; there are no atomics, so two
// runs give the same bits. Cost: x, y and dy cross memory once per launch and group of ranks.
#include "core/kernels/cuda.cuh"
#include "core/kernels/linear/low_rank.h"

namespace soragrad::kernels {
namespace {

constexpr int kRanks = 8;        // ranks of a group
constexpr int kRows = 4;         // row pass: rows of a block
constexpr int kWarps = 8;        // row pass: warps of a block
constexpr int kChunkRows = 128;  // row sums: rows of a block
constexpr int kColumns = 64;     // row sums: columns of a block
constexpr int kParts = 16;       // row sums: threads of a column

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
  real of_warp[kWarps][kRows * kRanks];
  Four scaled[kRows][kRanks / 4];
};

// The thread's part of sums[8 row + rank] of the block's rows with the group's ranks.
template <Lies lies, bool kAligned>
__device__ void add_narrow_products(const LowRankDelta& delta, const RowPass& pass, int64_t begin,
                                    int first, real (&sums)[kRows * kRanks]) {
  const int in = static_cast<int>(pass.in), ranks = group_size(delta.rank, first);
  const int rows = static_cast<int>(pass.rows - begin < kRows ? pass.rows - begin : kRows);
  const real* __restrict__ x = pass.x + begin * in;
#pragma unroll 1
  for (int column = 4 * static_cast<int>(threadIdx.x); column < in; column += 4 * kWarps * kWarp) {
    FactorPiece factor;
    factor.load<lies, kAligned>(delta, pass.narrow, first, ranks, column, in);
    Four of_row[kRows];
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      of_row[row] = load_fours<kAligned>(x + row * in + column, row < rows ? in - column : 0);
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
    real sums[kRows * kRanks] = {};
    add_narrow_products<kNarrow, kAligned>(delta, pass, begin, first, sums);
    warp_sums(sums);
    static_assert(kRows * kRanks == kWarp);  // so each lane has one total
    memory.of_warp[thread / kWarp][lane_index()] = sums[0];
    __syncthreads();
    if (thread < kRows * kRanks) {
      real sum = 0;
#pragma unroll
      for (int warp = 0; warp < kWarps; ++warp) sum += memory.of_warp[warp][thread];
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

// The row sums of all three gradients, numbered as columns: first those of x (for dA), then those
// of dy (for dB), then one for dgate.
struct Sums {
  const real* dh;
  const real* du;
  real* partial;  // (chunks, columns, rank); not used if there is one chunk
  int64_t columns, x_blocks, dy_blocks;
};

__device__ inline void write(const GradientTarget& place, int64_t i, double value) {
  if (place.data) place.write(i, static_cast<real>(value));
}

// Writes the finished sum over all rows to the gradient that the column belongs to.
__device__ void finish(const LowRankBackwardArgs& args, int64_t column, int64_t k, double sum) {
  const LowRankDelta& delta = args.delta;
  if (column < delta.in) {
    write(args.da, k * delta.in + column, sum);
  } else if (column < delta.in + delta.out) {
    write(args.db, (column - delta.in) * delta.rank + k, scale_of(delta, k) * sum);
  } else {
    write(args.dgate, k, delta.factor * sum);
  }
}

// Takes the sum over the block's chunk: the only chunk is finished at once, others wait in partial.
__device__ void put(const LowRankBackwardArgs& args, const Sums& sums, int64_t column, int64_t k,
                    real sum) {
  if (gridDim.y == 1) return finish(args, column, k, sum);
  sums.partial[(blockIdx.y * sums.columns + column) * args.delta.rank + k] = sum;
}

using NarrowRows = real[kChunkRows][kRanks];

// The row sums of dgate, by one block: a thread owns a rank and adds every 32nd row, in double.
__device__ void gate_sums(const LowRankBackwardArgs& args, const Sums& sums,
                          const NarrowRows& narrow, int64_t rows, int64_t first, int ranks) {
  constexpr int kThreads = kColumns / 4 * kParts / kRanks;  // threads of a rank: 32
  __shared__ double of_thread[kThreads][kRanks];
  auto& parts = of_thread;
  const int k = static_cast<int>(threadIdx.x) % kRanks;
  const int part = static_cast<int>(threadIdx.x) / kRanks;
  const real* dh = sums.dh + blockIdx.y * int64_t{kChunkRows} * args.delta.rank + first + k;
  double sum = 0;
  for (int64_t row = part; row < rows && k < ranks; row += kThreads) {
    sum += static_cast<double>(narrow[row][k]) * dh[row * args.delta.rank];
  }
  parts[part][k] = sum;
  __syncthreads();
  if (part > 0 || k >= ranks) return;
  for (int other = 1; other < kThreads; ++other) sum += parts[other][k];
  put(args, sums, args.delta.in + args.delta.out, first + k, static_cast<real>(sum));
}

// Sums over a chunk of rows of narrow(row, k) * wide(row, column). Grid: (columns, chunks, groups
// of ranks). narrow is du for the columns of x, u for the columns of dy.
template <bool kAligned>
__global__ void __launch_bounds__(kColumns / 4 * kParts)
    row_sums_kernel(LowRankBackwardArgs args, Sums sums) {
  __shared__ NarrowRows narrow;
  __shared__ real parts[kParts / 2][kRanks][kColumns + 4];  // 4 more: no two lanes share a bank
  const LowRankDelta& delta = args.delta;
  const int64_t block = blockIdx.x, first = static_cast<int64_t>(blockIdx.z) * kRanks;
  const bool of_x = block < sums.x_blocks;
  const int ranks = group_size(delta.rank, first);
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * kChunkRows;
  const int rows =
      static_cast<int>(args.rows - begin < kChunkRows ? args.rows - begin : kChunkRows);
  const real* __restrict__ source = (of_x ? sums.du : args.u) + begin * delta.rank + first;
  const int thread = static_cast<int>(threadIdx.x), rank = static_cast<int>(delta.rank);
#pragma unroll
  for (int step = 0; step < kChunkRows * kRanks / (kColumns / 4 * kParts); ++step) {
    const int i = thread + step * (kColumns / 4 * kParts), row = i / kRanks, k = i % kRanks;
    narrow[row][k] = row < rows && k < ranks ? source[row * rank + k] : real(0);
  }
  __syncthreads();
  if (block == sums.x_blocks + sums.dy_blocks) {
    return gate_sums(args, sums, narrow, rows, first, ranks);
  }
  const int part = thread / (kColumns / 4), place = thread % (kColumns / 4) * 4;
  const int n = static_cast<int>(of_x ? delta.in : delta.out);
  const int base = static_cast<int>(of_x ? block : block - sums.x_blocks) * kColumns;
  const real* __restrict__ wide = (of_x ? args.x : args.dy) + begin * n + base + place;
  Four of_row[kChunkRows / kParts];
#pragma unroll
  for (int i = 0; i < kChunkRows / kParts; ++i) {
    const int row = part + i * kParts;
    of_row[i] = load_fours<kAligned>(wide + static_cast<int64_t>(row) * n,
                                     row < rows ? n - base - place : 0);
  }
  Four totals[kRanks] = {};
#pragma unroll
  for (int i = 0; i < kChunkRows / kParts; ++i) {
#pragma unroll
    for (int k = 0; k < kRanks; ++k) {
      const real h = narrow[part + i * kParts][k];
#pragma unroll
      for (int c = 0; c < 4; ++c) totals[k].at[c] += h * of_row[i].at[c];
    }
  }
  // Lanes l and l + 16 have neighbouring parts of the same columns.
#pragma unroll
  for (int k = 0; k < kRanks; ++k) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      totals[k].at[c] += __shfl_xor_sync(kAllLanes, totals[k].at[c], kWarp / 2);
    }
    if (part % 2 == 0) *reinterpret_cast<Four*>(&parts[part / 2][k][place]) = totals[k];
  }
  __syncthreads();
  for (int i = thread; i < kRanks * kColumns; i += kColumns / 4 * kParts) {
    const int k = i % kRanks, column = i / kRanks;
    if (k >= ranks || base + column >= n) continue;
    real sum = 0;
    for (const auto& of_part : parts) sum += of_part[k][column];
    put(args, sums, of_x ? base + column : delta.in + base + column, first + k, sum);
  }
}

// Adds up the chunks in order: a thread for each element (column, rank).
__global__ void add_chunks_kernel(LowRankBackwardArgs args, const real* partial, int64_t chunks,
                                  int64_t columns) {
  const int64_t rank = args.delta.rank, i = global_thread();
  if (i >= columns * rank) return;
  double sum = 0;
#pragma unroll 8
  for (int64_t chunk = 0; chunk < chunks; ++chunk) sum += partial[chunk * columns * rank + i];
  finish(args, i / rank, i % rank, sum);
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
  const int64_t chunks = ceil_div(args.rows, kChunkRows);
  const int64_t columns = delta.in + delta.out + 1;
  const Tensor partial =
      Tensor::empty({chunks > 1 ? chunks : 0, columns, delta.rank}, kReal, Device::cuda);
  const Sums sums{.dh = dh.data(),
                  .du = du.data(),
                  .partial = partial.data(),
                  .columns = columns,
                  .x_blocks = ceil_div(delta.in, kColumns),
                  .dy_blocks = ceil_div(delta.out, kColumns)};
  if (chunks > 0) {
    with_flag(in_fours(delta.in, args.x) && in_fours(delta.out, args.dy), [&](auto aligned) {
      launch(row_sums_kernel<aligned()>,
             dim3(grid_size(sums.x_blocks + sums.dy_blocks + 1), grid_size(chunks),
                  grid_size(ceil_div(delta.rank, kRanks))),
             kColumns / 4 * kParts, 0, args, sums);
    });
  }
  if (chunks == 1) return;
  launch_elements(add_chunks_kernel, columns * delta.rank, args, partial.data(), chunks, columns);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
