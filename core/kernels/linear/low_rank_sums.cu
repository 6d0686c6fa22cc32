// A block owns 64 columns of x or dy, a chunk of 128 rows, and a group of 8 ranks of a part:
// blockIdx is (columns, chunk, part and group). The narrow rows of the chunk are in shared memory.
// A thread owns four columns and every 16th row, all loads of which are under way at once. The sums
// of the 16 are added in order; those of several chunks by a second launch, in double.
//
// Chunks have a fixed size, so rows of zeros at the end change no bit; there are no atomics, so two
// runs give the same bits.
#include "core/kernels/linear/low_rank_sums.h"

#include "core/kernels/cuda.cuh"
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

// The sums of chunks, (chunks, columns, rank) of each part; not used if there is one chunk.
struct Partials {
  real* at;
  int64_t of_part;  // elements from a part's to the next part's
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

// Takes the sum over the block's chunk: the only chunk is finished at once, others wait in partial.
__device__ void put(const Part& part, real* partial, int64_t column, int64_t k, real sum) {
  if (gridDim.y == 1) return finish(part, column, k, sum);
  partial[(blockIdx.y * columns_of(part.delta) + column) * part.delta.rank + k] = sum;
}

using NarrowRows = real[kChunkRows][kRanks];

// The row sums of dgate, by one block: a thread owns a rank and adds every 32nd row, in double.
__device__ void gate_sums(const Part& part, real* partial, const NarrowRows& narrow, int64_t rows,
                          int64_t first) {
  constexpr int kOfRank = kThreads / kRanks;  // threads of a rank: 32
  __shared__ double of_thread[kOfRank][kRanks];
  auto& sums = of_thread;
  const int ranks = group_size(part.delta.rank, first);
  const int k = static_cast<int>(threadIdx.x) % kRanks;
  const int place = static_cast<int>(threadIdx.x) / kRanks;
  const real* dh = part.dh + blockIdx.y * int64_t{kChunkRows} * part.delta.rank + first + k;
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

// Sums over a chunk of rows of narrow(row, k) * wide(row, column), with `groups` groups of ranks a
// part. narrow is du for the columns of x, u for the columns of dy and for dgate.
template <bool kAligned>
__global__ void __launch_bounds__(kThreads)
    row_sums_kernel(LowRankSumsArgs args, Partials partials, unsigned groups) {
  __shared__ NarrowRows narrow;
  __shared__ real parts[kParts / 2][kRanks][kColumns + 4];  // 4 more: no two lanes share a bank
  const Part& job = args.parts[blockIdx.z / groups];
  real* partial = partials.at + blockIdx.z / groups * partials.of_part;
  const LowRankDelta& delta = job.delta;
  const int64_t block = blockIdx.x, first = static_cast<int64_t>(blockIdx.z % groups) * kRanks;
  const int64_t x_blocks = blocks_of(delta.in), all_blocks = x_blocks + blocks_of(delta.out);
  if (first >= delta.rank || block > all_blocks) return;  // another part has more
  const bool of_x = block < x_blocks;
  const int ranks = group_size(delta.rank, first);
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * kChunkRows;
  const int rows =
      static_cast<int>(args.rows - begin < kChunkRows ? args.rows - begin : kChunkRows);
  const real* __restrict__ source = (of_x ? job.du : job.u) + begin * delta.rank + first;
  const int thread = static_cast<int>(threadIdx.x), rank = static_cast<int>(delta.rank);
#pragma unroll
  for (int step = 0; step < kChunkRows * kRanks / kThreads; ++step) {
    const int i = thread + step * kThreads, row = i / kRanks, k = i % kRanks;
    narrow[row][k] = row < rows && k < ranks ? source[row * rank + k] : real(0);
  }
  __syncthreads();
  if (block == all_blocks) return gate_sums(job, partial, narrow, rows, first);
  const int part = thread / (kColumns / 4), place = thread % (kColumns / 4) * 4;
  const int n = static_cast<int>(of_x ? delta.in : delta.out);
  const int base = static_cast<int>(of_x ? block : block - x_blocks) * kColumns;
  const real* __restrict__ wide = (of_x ? job.x : job.dy) + begin * n + base + place;
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
  for (int i = thread; i < kRanks * kColumns; i += kThreads) {
    const int k = i % kRanks, column = i / kRanks;
    if (k >= ranks || base + column >= n) continue;
    real sum = 0;
    for (const auto& of_part : parts) sum += of_part[k][column];
    put(job, partial, of_x ? base + column : delta.in + base + column, first + k, sum);
  }
}

// Adds up the chunks in order: a thread for each element (column, rank) of the part blockIdx.y.
__global__ void add_chunks_kernel(LowRankSumsArgs args, Partials partials, int64_t chunks) {
  const Part& part = args.parts[blockIdx.y];
  const real* __restrict__ partial = partials.at + blockIdx.y * partials.of_part;
  const int64_t rank = part.delta.rank, n = columns_of(part.delta) * rank, i = global_thread();
  if (i >= n) return;
  double sum = 0;
#pragma unroll 8
  for (int64_t chunk = 0; chunk < chunks; ++chunk) sum += partial[chunk * n + i];
  finish(part, i / rank, i % rank, sum);
}

}  // namespace

void low_rank_sums_cuda(const LowRankSumsArgs& args) {
  int64_t largest_rank = 0, largest_sums = 0, largest_blocks = 0;
  bool wanted = false, aligned = true;
  const int64_t chunks = ceil_div(args.rows, kChunkRows);
  for (int i = 0; i < args.count; ++i) {
    const auto& [delta, x, u, dy, dh, du, da, db, dgate] = args.parts[i];
    wanted |= da.data || db.data || dgate.data;
    aligned &= in_fours(delta.in, x) && in_fours(delta.out, dy);
    largest_rank = std::max(largest_rank, delta.rank);
    largest_sums = std::max(largest_sums, columns_of(delta) * delta.rank);
    largest_blocks = std::max(largest_blocks, blocks_of(delta.in) + blocks_of(delta.out) + 1);
  }
  if (!wanted) return;
  const int64_t of_part = chunks > 1 ? chunks * largest_sums : 0;
  const Tensor memory = Tensor::empty({args.count * of_part}, kReal, Device::cuda);
  const Partials partials{memory.data(), of_part};
  const int64_t groups = ceil_div(largest_rank, kRanks);
  if (chunks > 0) {
    with_flag(aligned, [&](auto is_aligned) {
      launch(row_sums_kernel<is_aligned()>,
             dim3(grid_size(largest_blocks), grid_size(chunks), grid_size(groups * args.count)),
             kThreads, 0, args, partials, grid_size(groups));
    });
  }
  if (chunks == 1) return;
  launch(add_chunks_kernel,
         dim3(grid_size(ceil_div(largest_sums, kBlockThreads)), grid_size(args.count)),
         kBlockThreads, 0, args, partials, chunks);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
