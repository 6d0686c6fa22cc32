// A thread a row, then one sum over the rows: batches have a few rows of a few classes.
#include "core/kernels/loss/weighted.h"

#include "core/kernels/grid_sums.cuh"
#include "core/kernels/loss/weighted_row-inl.h"

namespace soragrad::kernels {
namespace {

struct CrossEntropyRow {
  WeightedCrossEntropyArgs args;
  __device__ double operator()(int64_t row) const { return row_loss(args, row); }
};
struct BinaryRow {
  WeightedTargetsArgs args;
  __device__ double operator()(int64_t row) const { return row_binary_loss(args, row); }
};
struct SquaredRow {
  WeightedTargetsArgs args;
  __device__ double operator()(int64_t row) const { return row_squared_loss(args, row); }
};

struct Store {
  real* loss;
  __device__ void operator()(double sum) const { *loss = static_cast<real>(sum); }
};

__global__ void cross_entropy_gradient(WeightedCrossEntropyArgs args) {
  const int64_t row = global_thread();
  if (row < args.rows) row_gradient(args, row);
}

__global__ void binary_gradient(WeightedTargetsArgs args) {
  const int64_t row = global_thread();
  if (row < args.rows) row_binary_gradient(args, row);
}

__global__ void squared_gradient(WeightedTargetsArgs args) {
  const int64_t row = global_thread();
  if (row < args.rows) row_squared_gradient(args, row);
}

}  // namespace

void weighted_cross_entropy_cuda(const WeightedCrossEntropyArgs& args) {
  sum_all(CrossEntropyRow{args}, args.rows, Store{args.loss});
}

void weighted_cross_entropy_backward_cuda(const WeightedCrossEntropyArgs& args) {
  launch_elements(cross_entropy_gradient, args.rows, args);
}

void weighted_binary_cross_entropy_cuda(const WeightedTargetsArgs& args) {
  sum_all(BinaryRow{args}, args.rows, Store{args.loss});
}

void weighted_binary_cross_entropy_backward_cuda(const WeightedTargetsArgs& args) {
  launch_elements(binary_gradient, args.rows, args);
}

void weighted_mse_cuda(const WeightedTargetsArgs& args) {
  sum_all(SquaredRow{args}, args.rows, Store{args.loss});
}

void weighted_mse_backward_cuda(const WeightedTargetsArgs& args) {
  launch_elements(squared_gradient, args.rows, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
