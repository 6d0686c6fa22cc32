// Sums over all blocks of a launch: of a number that each block has, of an array, and over rows.
//
// A block writes its part to memory and counts itself. The block that counts last adds up the parts
// in the order of their blocks, so it does not matter which block that is: every sum has one order,
// which depends on the sizes alone, and two runs give the same bits. One launch is enough.
#pragma once

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {

constexpr unsigned kMaxCounters = 1 << 14;

// True in the last of `blocks` blocks that call it with this counter. All threads of a block call
// it, and in the last block all see what all had written before. A launch uses a counter once and
// leaves 0. Launches share the counters, because one stream runs them one after another.
__device__ inline bool is_last_block(unsigned counter, unsigned blocks) {
  static __device__ unsigned arrived[kMaxCounters];
  __shared__ bool memory;
  bool& last = memory;
  __syncthreads();  // the block has written its part
  if (blocks == 1) return true;
  if (threadIdx.x == 0) {
    __threadfence();                                                // all see it before ...
    last = atomicInc(&arrived[counter], blocks - 1) == blocks - 1;  // ... the block is counted,
    __threadfence();                                                // and what counted before
  }
  __syncthreads();
  return last;
}

// Calls finish(sum of `of_block` over the blocks, in double) in one thread. All threads call it;
// thread 0 has the number. partial (blocks) is memory for it. The grid has one row of blocks.
template <typename Finish>
__device__ void sum_over_blocks(double of_block, double* partial, const Finish& finish) {
  if (threadIdx.x == 0) partial[blockIdx.x] = of_block;
  if (!is_last_block(0, gridDim.x)) return;
  double sum = 0;
  for (unsigned block = threadIdx.x; block < gridDim.x; block += blockDim.x) sum += partial[block];
  sum = block_sum(sum);
  if (threadIdx.x == 0) finish(sum);
}

// An end of a sum: y = factor sum, or y += factor sum.
struct PutTimes {
  real* y;
  real factor;
  bool adds;
  __device__ void operator()(double sum) const {
    const real x = static_cast<real>(static_cast<double>(factor) * sum);
    *y = adds ? *y + x : x;
  }
};

// A thread strides over the terms, then its block sums up.
template <typename Term, typename Finish>
__global__ void sum_kernel(Term term, int64_t n, double* partial, Finish finish) {
  double sum = 0;
  for (int64_t i = global_thread(); i < n; i += grid_threads()) sum += term(i);
  sum_over_blocks(block_sum(sum), partial, finish);
}

// Calls finish(sum of term(i) for i < n) on the device. term(i) returns a double. The number of
// partial sums depends on n alone.
template <typename Term, typename Finish>
void sum_all(const Term& term, int64_t n, const Finish& finish) {
  constexpr int64_t kElementsPerBlock = 8 * kBlockThreads, kMaxBlocks = 1024;
  const int64_t blocks = std::clamp<int64_t>(ceil_div(n, kElementsPerBlock), 1, kMaxBlocks);
  const Tensor partial = Tensor::empty({blocks}, DType::f64, Device::cuda);
  launch(sum_kernel<Term, Finish>, grid_size(blocks), kBlockThreads, 0, term, n,
         partial.data<double>(), finish);
}

// The same with a warp for each term: whole warps call term(row), and lane 0 has it.
template <typename Term, typename Finish>
__global__ void sum_of_rows_kernel(Term term, int64_t rows, double* partial, Finish finish) {
  const int64_t row = global_warp();
  const double x = row < rows ? term(row) : 0;
  sum_over_blocks(block_sum(lane_index() == 0 ? x : 0), partial, finish);
}
template <typename Term, typename Finish>
void sum_of_rows(const Term& term, int64_t rows, const Finish& finish) {
  const int64_t blocks = std::max<int64_t>(ceil_div(rows, kWarpsPerBlock), 1);
  const Tensor partial = Tensor::empty({blocks}, DType::f64, Device::cuda);
  launch(sum_of_rows_kernel<Term, Finish>, grid_size(blocks), kWarpsPerBlock * kWarp, 0, term, rows,
         partial.data<double>(), finish);
}

// -- Sums over rows -------------------------------------------------------------------------------
// A fixed number, so that rows of zeros added at the end change no bit of the sum.
constexpr int64_t kRowsPerChunk = 64;

// The sum of at(begin) ... at(end - 1) in that order. Eight numbers are loaded before they are
// added. In place of those past the end the last one is loaded again, so that no load waits for a
// branch, and 0 is added, which changes no bit of a sum that began at 0.
template <typename At>
__device__ double sum_in_order(int64_t begin, int64_t end, const At& at) {
  constexpr int kAtOnce = 8;
  double sum = 0;
  for (int64_t i = begin; i < end; i += kAtOnce) {
    double x[kAtOnce];
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) x[j] = at(i + j < end ? i + j : end - 1);
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) sum += i + j < end ? x[j] : 0.0;
  }
  return sum;
}

// blockIdx.x is a chunk of 64 rows. A thread owns a column, and every gridDim.y blockDim.x-th after
// it. It adds the chunk's rows in order to partial (chunks, columns). The last of the blocks with
// the same columns adds the chunks in order.
template <typename Term>
__global__ void column_sums_kernel(Term term, int64_t rows, int64_t columns, double* partial,
                                   GradientTarget y) {
  const int64_t first = static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x;
  const int64_t stride = static_cast<int64_t>(gridDim.y) * blockDim.x;
  const int64_t begin = blockIdx.x * kRowsPerChunk;
  const int64_t end = begin + kRowsPerChunk < rows ? begin + kRowsPerChunk : rows;
  for (int64_t column = first; column < columns; column += stride) {
    partial[blockIdx.x * columns + column] =
        sum_in_order(begin, end, [&](int64_t row) { return term(row, column); });
  }
  if (!is_last_block(blockIdx.y, gridDim.x)) return;
  for (int64_t column = first; column < columns; column += stride) {
    const double sum = sum_in_order(
        0, gridDim.x, [&](int64_t chunk) { return partial[chunk * columns + column]; });
    y.write(column, static_cast<real>(sum));
  }
}

// Writes to y, for each column, the sum of term(row, column) over the rows, in double.
template <typename Term>
void sum_columns(const Term& term, int64_t rows, int64_t columns, const GradientTarget& y) {
  if (columns == 0) return;
  constexpr int kThreads = 64;  // narrow blocks, because columns are few: more blocks to spread
  const int64_t chunks = std::max<int64_t>(ceil_div(rows, kRowsPerChunk), 1);
  const int64_t stretches = std::min<int64_t>(ceil_div(columns, kThreads), kMaxCounters);
  const Tensor partial = Tensor::empty({chunks, columns}, DType::f64, Device::cuda);
  launch(column_sums_kernel<Term>, dim3(grid_size(chunks), grid_size(stretches)), kThreads, 0, term,
         rows, columns, partial.data<double>(), y);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
