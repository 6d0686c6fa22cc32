// Launching kernels on the device. Everything runs in one stream, in the order of the calls, so a
// kernel needs no events to wait for its inputs, and the caching allocator may hand a freed block
// to the next kernel at once. A capture of that stream records the launches (core/cuda_runtime.h).
#pragma once

#include <cstddef>

#include "core/cuda_runtime.h"
#include "core/cuda_stream.cuh"

namespace soragrad::kernels {

// The block's dynamic shared memory as a T, aligned to 16 bytes. launch() must have been given at
// least sizeof(T) bytes. Uninitialised.
template <typename T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char bytes[];
  return reinterpret_cast<T*>(bytes);
}

// Launches a kernel; does not wait for it, unless cuda::waits_for_each_launch(). Throws Error if
// the launch itself is refused; an error of the running kernel shows at the next wait. Grid and
// block must not be empty.
template <typename... Parameters, typename... Args>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
            const Args&... args) {
  static_assert((sizeof(Parameters) + ... + 0) <= 4096, "some drivers take no more of arguments");
  cuda::name_launch(reinterpret_cast<const void*>(kernel));
  if (shared_bytes > 48 << 10) {  // above the default limit: the kernel must opt in
    cuda::check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(shared_bytes)),
                "shared memory");
  }
  kernel<<<grid, block, shared_bytes, cuda::stream()>>>(args...);
  cuda::finish_launch();
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
