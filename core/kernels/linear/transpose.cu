// A block moves a tile of 32 x 32 through shared memory, so that both reads and writes run along
// rows and are coalesced. Each of its 32 x 8 threads moves four elements.
#include "core/kernels/linear/transpose.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

constexpr int kTile = 32, kTileRows = 8;  // elements of a side; rows of threads

struct SharedTile {
  real at[kTile][kTile + 1];  // one more column: a column then meets every bank once
};

__global__ void transpose_kernel(TransposeArgs args) {
  __shared__ SharedTile memory;
  auto& tile = memory.at;
  const int64_t row0 = static_cast<int64_t>(blockIdx.y) * kTile;
  const int64_t column0 = static_cast<int64_t>(blockIdx.x) * kTile;
  for (int r = threadIdx.y; r < kTile; r += kTileRows) {
    const int64_t row = row0 + r, column = column0 + threadIdx.x;
    if (row < args.rows && column < args.columns) {
      tile[r][threadIdx.x] = args.x[row * args.columns + column];
    }
  }
  __syncthreads();
  for (int r = threadIdx.y; r < kTile; r += kTileRows) {
    const int64_t row = row0 + threadIdx.x, column = column0 + r;
    if (row < args.rows && column < args.columns) {
      args.y[column * args.rows + row] = tile[threadIdx.x][r];
    }
  }
}

}  // namespace

void transpose_cuda(const TransposeArgs& args) {
  if (args.rows == 0 || args.columns == 0) return;
  const dim3 grid(grid_size(ceil_div(args.columns, kTile)), grid_size(ceil_div(args.rows, kTile)));
  launch(transpose_kernel, grid, dim3(kTile, kTileRows), 0, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
