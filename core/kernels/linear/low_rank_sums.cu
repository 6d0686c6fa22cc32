// A block owns 64 columns of x or dy, a chunk of 128 rows, and a group of 8 ranks of a part. Parts
// have as many blocks as they need, one part's behind the other's. The narrow rows of the chunk are
// in shared memory. A thread owns four columns and every 16th row, all loads of which are under way
// at once. The sums of the 16 are added in order; those of several chunks by the last block of the
// same columns (grid_sums.cuh), in double and in the order of the chunks.
//
// Chunks have a fixed size, so rows of zeros at the end change no bit.
#include "core/kernels/linear/low_rank_sums.h"

#include "core/kernels/grid_sums.cuh"
#include "core/kernels/linear/low_rank.cuh"

namespace soragrad::kernels {
namespace {

using Part = LowRankSumsArgs::Part;

constexpr int kChunkRows = 128;  // rows of a block
constexpr int kColumns = 64;     // columns of a block
constexpr int kParts = 16;       // threads of a column
constexpr int kThreads = kColumns / 4 * kParts;

// The sums of a part are numbered as columns: first those of x (for dA), then those of dy (for dB),
// then one for dgate.
SORAGRAD_HD int64_t columns_of(const LowRankDelta& delta) {
  return delta.in + delta.out + 1;
}
SORAGRAD_HD int64_t blocks_of(int64_t columns) {
  return (columns + kColumns - 1) / kColumns;
}

// Column blocks of a part: those of x, those of dy, and one for dgate.
SORAGRAD_HD int64_t column_blocks(const LowRankDelta& delta) {
  return blocks_of(delta.in) + blocks_of(delta.out) + 1;
}
SORAGRAD_HD int64_t chunks_of(const Part& part) {
  return part.rows > kChunkRows ? (part.rows + kChunkRows - 1) / kChunkRows : 1;
}

// Where each part begins among the blocks of a launch, among its counters, one for all blocks of
// the same columns, and its sums of chunks, (chunks, columns, rank), in `partial`. A part of one
// chunk has neither counters nor such sums.
struct Plan {
  unsigned first_block[LowRankSumsArgs::kMaxParts];
  unsigned first_counter[LowRankSumsArgs::kMaxParts];
  int64_t partial_at[LowRankSumsArgs::kMaxParts];
  real* partial;
};

// What this block belongs to: the last part that begins at it or before, by bisection.
struct Place {
  int part = 0, block;  // number of the block within the part
  real* partial;        // the part's

  __device__ Place(const Plan& plan, int count) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
      static_assert(LowRankSumsArgs::kMaxParts <= 32);
      const int next = part + step;
      if (next < count && blockIdx.x >= plan.first_block[next]) part = next;
    }
    block = static_cast<int>(blockIdx.x - plan.first_block[part]);
    partial = plan.partial + plan.partial_at[part];
  }
};

__device__ inline void write(const GradientTarget& place, int64_t i, double value) {
  if (place.data) place.write(i, static_cast<real>(value));
}

// Writes the finished sum over all rows to the gradient that the column belongs to.
__device__ void finish(const Part& part, int64_t column, int64_t k, double sum) {
  const LowRankDelta& delta = part.delta;
  if (column < delta.in) {
    write(part.da, k * delta.in + column, sum);
  } else if (column < delta.in + delta.out) {
    write(part.db, (column - delta.in) * delta.rank + k, scale_of(delta, k) * sum);
  } else {
    write(part.dgate, k, delta.factor * sum);
  }
}

// Takes the sum over a chunk: the only chunk is finished at once, others wait in `partial`, which
// is the chunk's.
__device__ void put(const Part& part, real* partial, int64_t column, int64_t k, real sum) {
  if (part.rows <= kChunkRows) return finish(part, column, k, sum);
  partial[column * part.delta.rank + k] = sum;
}

using NarrowRows = real[kChunkRows][kRanks];

// The row sums of dgate, by one block: a thread owns a rank and adds every 32nd row, in double.
__device__ void gate_sums(const Part& part, real* partial, const NarrowRows& narrow, int64_t begin,
                          int rows, int first) {
  constexpr int kOfRank = kThreads / kRanks;  // threads of a rank: 32
  __shared__ double of_thread[kOfRank][kRanks];
  auto& sums = of_thread;
  const int ranks = group_size(part.delta.rank, first);
  const int k = static_cast<int>(threadIdx.x) % kRanks;
  const int place = static_cast<int>(threadIdx.x) / kRanks;
  const real* dh = part.dh + begin * part.delta.rank + first + k;
  double sum = 0;
  for (int64_t row = place; row < rows && k < ranks; row += kOfRank) {
    sum += static_cast<double>(narrow[row][k]) * dh[row * part.delta.rank];
  }
  sums[place][k] = sum;
  __syncthreads();
  if (place > 0 || k >= ranks) return;
  for (int other = 1; other < kOfRank; ++other) sum += sums[other][k];
  put(part, partial, part.delta.in + part.delta.out, first + k, static_cast<real>(sum));
}

// The row sums of narrow(row, k) * wide(row, column), by one block. `wide` begins at the chunk and
// at the block's columns, and has `columns` from there on; they are numbered from first_column.
template <bool kAligned>
__device__ void wide_sums(const Part& part, real* partial, const NarrowRows& narrow,
                          const real* __restrict__ wide, int pitch, int columns, int rows,
                          int64_t first_column, int first) {
  __shared__ real memory[kParts / 2][kRanks][kColumns + 4];  // 4 more: no two lanes share a bank
  auto& parts = memory;
  const int thread = static_cast<int>(threadIdx.x);
  const int ranks = group_size(part.delta.rank, first);
  const int of_column = thread / (kColumns / 4), place = thread % (kColumns / 4) * 4;
  Four of_row[kChunkRows / kParts];
#pragma unroll
  for (int i = 0; i < kChunkRows / kParts; ++i) {
    const int row = of_column + i * kParts;
    of_row[i] = load_fours<kAligned>(wide + place + static_cast<int64_t>(row) * pitch,
                                     row < rows ? columns - place : 0);
  }
  Four totals[kRanks] = {};
#pragma unroll
  for (int i = 0; i < kChunkRows / kParts; ++i) {
#pragma unroll
    for (int k = 0; k < kRanks; ++k) {
      const real h = narrow[of_column + i * kParts][k];
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
    if (of_column % 2 == 0) {
      *reinterpret_cast<Four*>(&parts[of_column / 2][k][place]) = totals[k];
    }
  }
  __syncthreads();
  for (int i = thread; i < kRanks * kColumns; i += kThreads) {
    const int k = i % kRanks, column = i / kRanks;
    if (k >= ranks || column >= columns) continue;
    real sum = 0;
    for (const auto& of_part : parts) sum += of_part[k][column];
    put(part, partial, first_column + column, first + k, sum);
  }
}

// Adds up the chunks in order, of all ranks of `columns` columns: a thread an element. `partial` is
// not __restrict__, because other blocks have written it.
__device__ void add_chunks(const Part& part, const real* partial, int64_t first_column,
                           int columns) {
  const int rank = static_cast<int>(part.delta.rank);
  const int64_t n = columns_of(part.delta) * rank;
  const int64_t chunks = chunks_of(part);
  for (int i = static_cast<int>(threadIdx.x); i < columns * rank; i += kThreads) {
    double sum = 0;
#pragma unroll 8
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      sum += partial[chunk * n + first_column * rank + i];
    }
    finish(part, first_column + i / rank, i % rank, sum);
  }
}

// narrow is du for the columns of x, u for the columns of dy and for dgate.
template <bool kAligned>
__global__ void __launch_bounds__(kThreads) row_sums_kernel(LowRankSumsArgs args, Plan plan) {
  __shared__ NarrowRows memory;
  auto& narrow = memory;
  const Place at(plan, args.count);
  const Part job = args.parts[at.part];  // a copy: its fields are read once
  const LowRankDelta& delta = job.delta;
  const int x_blocks = static_cast<int>(blocks_of(delta.in));
  const int all_blocks = static_cast<int>(column_blocks(delta));
  const int chunks = static_cast<int>(chunks_of(job));
  const int block = at.block % all_blocks, chunk = at.block / all_blocks % chunks;
  const int first = at.block / all_blocks / chunks * kRanks;
  const bool of_x = block < x_blocks, of_gate = block == all_blocks - 1;
  const int ranks = group_size(delta.rank, first);
  const int64_t begin = static_cast<int64_t>(chunk) * kChunkRows;
  const int rows = static_cast<int>(job.rows - begin < kChunkRows ? job.rows - begin : kChunkRows);
  real* partial = at.partial + chunk * columns_of(delta) * delta.rank;
  const real* __restrict__ source = (of_x ? job.du : job.u) + begin * delta.rank + first;
  const int thread = static_cast<int>(threadIdx.x), rank = static_cast<int>(delta.rank);
#pragma unroll
  for (int step = 0; step < kChunkRows * kRanks / kThreads; ++step) {
    const int i = thread + step * kThreads, row = i / kRanks, k = i % kRanks;
    narrow[row][k] = row < rows && k < ranks ? source[row * rank + k] : real(0);
  }
  __syncthreads();
  const int n = static_cast<int>(of_x ? delta.in : delta.out);
  const int base = (of_x ? block : block - x_blocks) * kColumns;
  const int columns = of_gate ? 1 : n - base < kColumns ? n - base : kColumns;
  const int64_t first_column = of_gate ? delta.in + delta.out
                               : of_x  ? int64_t{base}
                                       : delta.in + base;
  if (of_gate) {
    gate_sums(job, partial, narrow, begin, rows, first);
  } else {
    wide_sums<kAligned>(job, partial, narrow, (of_x ? job.x : job.dy) + begin * n + base, n,
                        columns, rows, first_column, first);
  }
  if (chunks == 1) return;
  const int of_columns = chunks * ((rank + kRanks - 1) / kRanks);  // blocks
  const unsigned counter = plan.first_counter[at.part] + static_cast<unsigned>(block);
  if (!is_last_block(counter, static_cast<unsigned>(of_columns))) return;
  add_chunks(job, at.partial, first_column, columns);
}

}  // namespace

void low_rank_sums_cuda(const LowRankSumsArgs& args) {
  Plan plan{};
  int64_t blocks = 0, counters = 0, partials = 0;
  bool aligned = true;
  for (int i = 0; i < args.count; ++i) {
    const Part& part = args.parts[i];
    const LowRankDelta& delta = part.delta;
    const int64_t chunks = chunks_of(part);
    aligned &= in_fours(delta.in, part.x) && in_fours(delta.out, part.dy);
    plan.first_block[i] = grid_size(blocks);
    plan.first_counter[i] = grid_size(counters);
    plan.partial_at[i] = partials;
    blocks += column_blocks(delta) * chunks * ceil_div(delta.rank, kRanks);
    if (chunks == 1) continue;
    counters += column_blocks(delta);
    partials += chunks * columns_of(delta) * delta.rank;
  }
  if (blocks == 0) return;
  require(counters <= kMaxCounters, "[low_rank_sums] {} columns in a launch; {} are possible.",
          counters * kColumns, kMaxCounters * kColumns);
  const Tensor memory = Tensor::empty({partials}, kReal, Device::cuda);
  plan.partial = memory.data();
  with_flag(aligned, [&](auto is_aligned) {
    launch(row_sums_kernel<is_aligned()>, grid_size(blocks), kThreads, 0, args, plan);
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
