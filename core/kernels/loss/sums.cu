#include "core/kernels/loss/sums.h"

#include "core/kernels/grid_sums.cuh"

namespace soragrad::kernels {
namespace {

// Terms and ends of sum_all (grid_sums.cuh).
struct Element {
  const real* x;
  __device__ double operator()(int64_t i) const { return x[i]; }
};

// mse: one term.
struct SquaredDifference {
  const real* a;
  const real* b;
  __device__ double operator()(int64_t i) const {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    return difference * difference;
  }
};

// sum and mse: y = sum / divisor.
struct StoreOver {
  real* y;
  double divisor;
  __device__ void operator()(double sum) const { *y = static_cast<real>(sum / divisor); }
};

__global__ void sum_backward_kernel(SumBackwardArgs args) {
  const int64_t i = global_thread();
  if (i < args.n) args.dx[i] = *args.dy;
}

__global__ void mse_backward_kernel(MseBackwardArgs args) {
  const int64_t i = global_thread();
  if (i >= args.n) return;
  const real factor = 2 * *args.dloss / static_cast<real>(args.n);
  args.dpredictions[i] = factor * (args.predictions[i] - args.targets[i]);
}

// A block owns a part; the last one adds up the parts.
__global__ void mean_abs_kernel(MeanAbsArgs args, double* partial) {
  const MeanAbsArgs::Part& part = args.parts[blockIdx.x];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < part.n; i += blockDim.x) {
    sum += part.x[i] < 0 ? -part.x[i] : part.x[i];
  }
  sum_over_blocks(block_sum(sum), partial, PutTimes{args.y, args.factor, args.adds});
}

// A block owns a part.
__global__ void mean_abs_backward_kernel(MeanAbsArgs args) {
  const MeanAbsArgs::Part& part = args.parts[blockIdx.x];
  if (!part.dx.data) return;
  const real slope = args.factor * *args.dy;
  for (int64_t i = threadIdx.x; i < part.n; i += blockDim.x) {
    part.dx.write(i, part.x[i] > 0 ? slope : part.x[i] < 0 ? -slope : real(0));
  }
}

constexpr int kPartThreads = 128;  // threads of a part: gates are short arrays

}  // namespace

void sum_cuda(const SumArgs& args) {
  sum_all(Element{args.x}, args.n, StoreOver{args.y, 1});
}
void sum_backward_cuda(const SumBackwardArgs& args) {
  launch_elements(sum_backward_kernel, args.n, args);
}

void mse_cuda(const MseArgs& args) {
  sum_all(SquaredDifference{args.predictions, args.targets}, args.n,
          StoreOver{args.loss, static_cast<double>(args.n)});
}
void mse_backward_cuda(const MseBackwardArgs& args) {
  launch_elements(mse_backward_kernel, args.n, args);
}

void mean_abs_cuda(const MeanAbsArgs& args) {
  if (args.count == 0) return;
  const Tensor partial = Tensor::empty({args.count}, DType::f64, Device::cuda);
  launch(mean_abs_kernel, grid_size(args.count), kPartThreads, 0, args, partial.data<double>());
}
void mean_abs_backward_cuda(const MeanAbsArgs& args) {
  if (args.count == 0) return;
  launch(mean_abs_backward_kernel, grid_size(args.count), kPartThreads, 0, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
