// A block owns a matrix. Forward: each of its 8 warps computes elements of the Gram matrix in turn,
// then the block sums up their squares; the last block adds the norms in the order of the parts.
// Backward: a thread per element of M.
#include "core/kernels/loss/orthogonality.h"

#include "core/kernels/grid_sums.cuh"

namespace soragrad::kernels {
namespace {

// Index in x of element k of row i of M, for both forms of storage.
__device__ int64_t place(const OrthogonalityArgs::Part& part, int64_t i, int64_t k) {
  return part.columns ? k * part.rank + i : i * part.length + k;
}

// r^2, by a block.
__device__ double gram_squares(const OrthogonalityArgs::Part& part) {
  double squares = 0;
  for (int64_t e = threadIdx.x; e < part.rank * part.rank; e += blockDim.x) {
    squares += static_cast<double>(part.gram[e]) * static_cast<double>(part.gram[e]);
  }
  return block_sum(squares);
}

__global__ void orthogonality_kernel(OrthogonalityArgs args, double* partial) {
  const OrthogonalityArgs::Part& part = args.parts[blockIdx.x];
  const int64_t elements = part.rank * part.rank;
  for (int64_t e = threadIdx.x / kWarp; e < elements; e += blockDim.x / kWarp) {
    const int64_t i = e / part.rank, j = e % part.rank;
    real sum = 0;
    for (int64_t k = lane_index(); k < part.length; k += kWarp) {
      sum += part.x[place(part, i, k)] * part.x[place(part, j, k)];
    }
    sum = warp_sum(sum);
    if (lane_index() == 0) part.gram[e] = i == j ? sum - 1 : sum;
  }
  __syncthreads();
  sum_over_blocks(sqrt(gram_squares(part)), partial, PutTimes{args.y, args.factor, args.adds});
}

__global__ void orthogonality_backward_kernel(OrthogonalityArgs args) {
  const OrthogonalityArgs::Part& part = args.parts[blockIdx.x];
  if (!part.dx.data) return;
  const double squares = gram_squares(part);
  const real dr = args.factor * *args.dy;
  const real slope = squares > 0 ? static_cast<real>(2 * dr / sqrt(squares)) : real(0);
  for (int64_t e = threadIdx.x; e < part.rank * part.length; e += blockDim.x) {
    const int64_t i = part.columns ? e % part.rank : e / part.length;
    const int64_t k = part.columns ? e / part.rank : e % part.length;
    real sum = 0;
    for (int64_t j = 0; j < part.rank; ++j) {
      sum += part.gram[i * part.rank + j] * part.x[place(part, j, k)];
    }
    part.dx.write(e, slope * sum);
  }
}

}  // namespace

void orthogonality_cuda(const OrthogonalityArgs& args) {
  if (args.count == 0) return;
  const Tensor partial = Tensor::empty({args.count}, DType::f64, Device::cuda);
  launch(orthogonality_kernel, grid_size(args.count), kBlockThreads, 0, args,
         partial.data<double>());
}

void orthogonality_backward_cuda(const OrthogonalityArgs& args) {
  if (args.count == 0) return;
  launch(orthogonality_backward_kernel, grid_size(args.count), kBlockThreads, 0, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
