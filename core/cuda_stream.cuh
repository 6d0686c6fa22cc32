// The parts of core/cuda_runtime.cu that other .cu files use: the one stream, and checked calls.
#pragma once

#include <cuda_runtime.h>

namespace soragrad::cuda {

// The stream of all kernels and copies, made at the first call. Throws if no GPU can be used.
cudaStream_t stream();
// Throws Error with `what` and CUDA's text if a call failed.
void check(cudaError_t status, const char* what);

}  // namespace soragrad::cuda

// SPDX-License-Identifier: Apache-2.0
