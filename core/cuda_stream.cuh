// What .cu files share of core/cuda_runtime.cu: the one stream, and checked calls.
#pragma once

#include <cuda_runtime.h>

namespace soragrad::cuda {

cudaStream_t stream();  // of all kernels and copies
// Throws Error with CUDA's own text where a call failed.
void check(cudaError_t status, const char* what);

}  // namespace soragrad::cuda
