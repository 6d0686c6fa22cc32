#include "core/kernels/linear/round_bf16.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

__global__ void round_bf16_kernel(RoundBf16Args args) {
  const int64_t i = global_thread();
  if (i < args.n) args.y[i] = rounded_to_bf16(args.x[i]);
}

}  // namespace

void round_bf16_cuda(const RoundBf16Args& args) {
  launch_elements(round_bf16_kernel, args.n, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
