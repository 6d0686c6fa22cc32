// The low-rank delta on a GPU. Ranks are processed in groups of 8, so that a thread keeps one
// number per rank in registers. Forward is one launch, backward two or three.
//
// Row pass (forward: u, y; backward: dh, du, dx). A block of 8 warps owns 8 rows. Warp w sums up
// the narrow product of row w: lane l takes the columns l, l + 32, ... and a butterfly adds the
// lanes. The scaled results, 8 x 8 numbers, go through shared memory. Then the 256 threads go along
// the columns of the wide result: a thread loads the 8 factors of its column once for all 8 rows.
//
// Row sums (dA, dB, dgate). A block owns 64 columns of x or dy, a chunk of 128 rows and a group of
// ranks; blockIdx is (columns, chunk, ranks). The narrow rows of the chunk are in shared memory.
// Four threads share a column, each adding every fourth row to its 8 registers. Their sums are
// added in order; the sums of several chunks are added in order by a third launch, in double.
//
// Chunks have a fixed size, so rows of zeros at the end change no bit; there are no atomics, so two
// runs give the same bits. Cost: x, y and dy cross memory once per launch and group of ranks.
#include "core/kernels/cuda.cuh"
#include "core/kernels/linear/low_rank.h"

namespace soragrad::kernels {
namespace {

constexpr int kRanks = 8;        // ranks of a group
constexpr int kRows = 8;         // row pass: rows of a block, one for each warp
constexpr int kChunkRows = 128;  // row sums: rows of a block
constexpr int kColumns = 64;     // row sums: columns of a block
constexpr int kParts = 4;        // row sums: threads of a column; more loads are in flight at once

// Ranks of the group that begins at `first`: 8, or fewer in the last one.
__device__ inline int group_size(int64_t rank, int64_t first) {
  return static_cast<int>(rank - first < kRanks ? rank - first : kRanks);
}

// A factor of the delta seen as (rank, columns): element (k, j) is data[k * row + j * column]. So
// one kernel reads A (rank, in) and B (out, rank).
struct Factor {
  const real* data;
  int64_t row, column;
  __device__ Factor from(int64_t first) const { return {data + first * row, row, column}; }
};

// A whole warp: sums[k] = sum over j < n of x[j] * factor(k, j). Every lane gets all sums.
__device__ void row_products(const real* x, int64_t n, const Factor& factor, int ranks,
                             real (&sums)[kRanks]) {
  for (real& sum : sums) sum = 0;
  for (int64_t j = lane_index(); j < n; j += kWarp) {
    for (int k = 0; k < kRanks; ++k) {
      if (k < ranks) sums[k] += x[j] * factor.data[k * factor.row + j * factor.column];
    }
  }
  for (real& sum : sums) sum = warp_sum(sum);
}

// A whole block: y(row, j) = [y(row, j)] + sum over k of h[row][k] * factor(k, j).
__device__ void add_products(const real (&h)[kRows][kRanks], int64_t rows, int ranks,
                             const Factor& factor, int64_t n, real* y, bool accumulate) {
  for (int64_t j = threadIdx.x; j < n; j += blockDim.x) {
    real column[kRanks];
    for (int k = 0; k < kRanks; ++k) {
      column[k] = k < ranks ? factor.data[k * factor.row + j * factor.column] : real(0);
    }
    for (int64_t row = 0; row < rows; ++row) {
      real sum = accumulate ? y[row * n + j] : real(0);
      for (int k = 0; k < kRanks; ++k) sum += h[row][k] * column[k];
      y[row * n + j] = sum;
    }
  }
}

// The row pass: sums = x narrow^T, scaled = s * sums, y = [y] + scaled wide. Forward has x, A, u, B
// and y in these roles, backward dy, B, dh and du, A and dx.
struct RowPass {
  const real* x;  // (rows, in)
  Factor narrow;
  real* sums;    // (rows, rank): x narrow^T
  real* scaled;  // (rows, rank): s * sums; null: not kept
  Factor wide;
  GradientTarget y;  // (rows, out): scaled wide
  int64_t rows, in, out;
};

__global__ void row_pass_kernel(LowRankDelta delta, RowPass pass) {
  __shared__ real scaled[kRows][kRanks];
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kRows;
  const int64_t rows = pass.rows - begin < kRows ? pass.rows - begin : kRows;
  const int warp = static_cast<int>(threadIdx.x / kWarp), lane = lane_index();
  const int64_t row = begin + warp;
  for (int64_t first = 0; first < delta.rank; first += kRanks) {
    const int ranks = group_size(delta.rank, first);
    if (warp < rows) {
      real sums[kRanks];
      row_products(pass.x + row * pass.in, pass.in, pass.narrow.from(first), ranks, sums);
      for (int k = 0; k < kRanks; ++k) {
        if (lane != k) continue;
        const real value = k < ranks ? scale_of(delta, first + k) * sums[k] : real(0);
        scaled[warp][k] = value;
        if (k >= ranks) continue;
        const int64_t place = row * delta.rank + first + k;
        pass.sums[place] = sums[k];
        if (pass.scaled) pass.scaled[place] = value;
      }
    }
    __syncthreads();
    if (pass.y.data) {
      add_products(scaled, rows, ranks, pass.wide.from(first), pass.out,
                   pass.y.data + begin * pass.out, pass.y.accumulate || first > 0);
    }
    __syncthreads();
  }
}

// blockIdx.x is a block of 8 rows.
void launch_row_pass(const LowRankDelta& delta, const RowPass& pass) {
  if (pass.rows == 0) return;
  launch(row_pass_kernel, grid_size(ceil_div(pass.rows, kRows)), kRows * kWarp, 0, delta, pass);
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
  constexpr int kThreads = kColumns * kParts / kRanks;  // threads of a rank: 32
  __shared__ double parts[kThreads][kRanks];
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
__global__ void row_sums_kernel(LowRankBackwardArgs args, Sums sums) {
  __shared__ NarrowRows narrow;
  __shared__ real parts[kParts][kRanks][kColumns];
  const LowRankDelta& delta = args.delta;
  const int64_t block = blockIdx.x, first = static_cast<int64_t>(blockIdx.z) * kRanks;
  const bool of_x = block < sums.x_blocks;
  const int ranks = group_size(delta.rank, first);
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * kChunkRows;
  const int64_t rows = args.rows - begin < kChunkRows ? args.rows - begin : kChunkRows;
  const real* source = of_x ? sums.du : args.u;
  for (int64_t i = threadIdx.x; i < rows * kRanks; i += blockDim.x) {
    const int64_t row = i / kRanks, k = i % kRanks;
    narrow[row][k] = k < ranks ? source[(begin + row) * delta.rank + first + k] : real(0);
  }
  __syncthreads();
  if (block == sums.x_blocks + sums.dy_blocks) {
    return gate_sums(args, sums, narrow, rows, first, ranks);
  }
  const int part = static_cast<int>(threadIdx.x) / kColumns;
  const int place = static_cast<int>(threadIdx.x) % kColumns;
  const int64_t n = of_x ? delta.in : delta.out;
  const int64_t column = (of_x ? block : block - sums.x_blocks) * kColumns + place;
  real totals[kRanks] = {};
  if (column < n) {
    const real* wide = (of_x ? args.x : args.dy) + begin * n + column;
#pragma unroll 8
    for (int64_t row = part; row < rows; row += kParts) {
      const real value = wide[row * n];
      for (int k = 0; k < kRanks; ++k) totals[k] += narrow[row][k] * value;
    }
  }
  for (int k = 0; k < kRanks; ++k) parts[part][k][place] = totals[k];
  __syncthreads();
  if (column >= n) return;
  for (int k = part; k < ranks; k += kParts) {
    real sum = 0;
    for (const auto& of_part : parts) sum += of_part[k][place];
    put(args, sums, of_x ? column : delta.in + column, first + k, sum);
  }
}

// Adds up the chunks in order: a thread for each element (column, rank).
__global__ void add_chunks_kernel(LowRankBackwardArgs args, const real* partial, int64_t chunks,
                                  int64_t columns) {
  const int64_t rank = args.delta.rank, i = global_thread();
  if (i >= columns * rank) return;
  double sum = 0;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) sum += partial[chunk * columns * rank + i];
  finish(args, i / rank, i % rank, sum);
}

}  // namespace

void low_rank_cuda(const LowRankArgs& args) {
  const LowRankDelta& delta = args.delta;
  launch_row_pass(delta, {.x = args.x,
                          .narrow = {delta.a, delta.in, 1},
                          .sums = args.u,
                          .scaled = nullptr,
                          .wide = {delta.b, 1, delta.rank},
                          .y = {args.y, true},
                          .rows = args.rows,
                          .in = delta.in,
                          .out = delta.out});
}

void low_rank_backward_cuda(const LowRankBackwardArgs& args) {
  const LowRankDelta& delta = args.delta;
  const Tensor dh = Tensor::empty({args.rows, delta.rank}, kReal, Device::cuda);
  const Tensor du = Tensor::empty_like(dh);
  launch_row_pass(delta, {.x = args.dy,
                          .narrow = {delta.b, 1, delta.rank},
                          .sums = dh.data(),
                          .scaled = du.data(),
                          .wide = {delta.a, delta.in, 1},
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
    launch(row_sums_kernel,
           dim3(grid_size(sums.x_blocks + sums.dy_blocks + 1), grid_size(chunks),
                grid_size(ceil_div(delta.rank, kRanks))),
           kColumns * kParts, 0, args, sums);
  }
  if (chunks == 1) return;
  launch_elements(add_chunks_kernel, columns * delta.rank, args, partial.data(), chunks, columns);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
