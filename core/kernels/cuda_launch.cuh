// Launching kernels on the device: everything runs in one stream, in the order of the calls.
#pragma once

#include <cstddef>

#include "core/cuda_runtime.h"
#include "core/cuda_stream.cuh"

namespace soragrad::kernels {

// The block's shared memory, of the size given to launch().
template <typename T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char bytes[];
  return reinterpret_cast<T*>(bytes);
}

template <typename... Parameters, typename... Args>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
            const Args&... args) {
  static_assert((sizeof(Parameters) + ... + 0) <= 4096, "some drivers take no more of arguments");
  if (shared_bytes > 48 << 10) {  // more than every GPU gives without being asked
    cuda::check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(shared_bytes)),
                "shared memory");
  }
  kernel<<<grid, block, shared_bytes, cuda::stream()>>>(args...);
  cuda::check(cudaGetLastError(), "launch");
  cuda::count_operation();
}

}  // namespace soragrad::kernels
