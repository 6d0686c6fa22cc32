// A thread owns an element.
#include "core/kernels/elementwise/arithmetic.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

__global__ void add_kernel(BinaryArgs args) {
  const int64_t i = global_thread();
  if (i < args.n) args.y[i] = args.a[i] + args.b[i];
}

__global__ void mul_kernel(BinaryArgs args) {
  const int64_t i = global_thread();
  if (i < args.n) args.y[i] = args.a[i] * args.b[i];
}

__global__ void scale_kernel(ScaleArgs args) {
  const int64_t i = global_thread();
  if (i < args.n) args.y[i] = args.factor * args.x[i];
}

}  // namespace

void add_cuda(const BinaryArgs& args) {
  launch_elements(add_kernel, args.n, args);
}
void mul_cuda(const BinaryArgs& args) {
  launch_elements(mul_kernel, args.n, args);
}
void scale_cuda(const ScaleArgs& args) {
  launch_elements(scale_kernel, args.n, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
