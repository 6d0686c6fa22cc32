// One stream of the process takes all work in order, so memory freed by one kernel's caller may go
// to the next one at once.
#include "core/cuda_runtime.h"

#include <cuda_runtime.h>

#include "core/error.h"
#include "core/kernels/cuda_launch.cuh"

namespace soragrad::cuda {
namespace {

__global__ void probe() {}  // is there code for this GPU?

std::string find_reason() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    return fmt::format(
        "the NVIDIA driver is missing or too old for CUDA {}.{}; install a newer one, or use "
        "device=cpu",
        CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
    return "no NVIDIA GPU is visible; check nvidia-smi and CUDA_VISIBLE_DEVICES, or use device=cpu";
  }
  cudaFuncAttributes attributes{};
  cudaDeviceProp device{};
  if (status == cudaSuccess && cudaGetDeviceProperties(&device, 0) == cudaSuccess &&
      cudaFuncGetAttributes(&attributes, probe) == cudaErrorNoKernelImageForDevice) {
    static_cast<void>(cudaGetLastError());
    return fmt::format(
        "this build has kernels for {} but the GPU is of architecture {}{}; configure with "
        "-DSORAGRAD_CUDA_ARCHITECTURES={}{}, or use device=cpu",
        architectures(), device.major, device.minor, device.major, device.minor);
  }
  if (status == cudaSuccess) return "";
  return fmt::format("CUDA does not start: {}; use device=cpu", cudaGetErrorString(status));
}

}  // namespace

std::string unavailable_reason() {
  static const std::string reason = find_reason();
  return reason;
}

std::string architectures() {
  return SORAGRAD_CUDA_ARCHITECTURES;
}

void check(cudaError_t status, const char* what) {
  require(status == cudaSuccess, "[cuda] {} failed: {}.", what, cudaGetErrorString(status));
}

cudaStream_t stream() {
  static const cudaStream_t stream = [] {
    require(unavailable_reason().empty(), "[cuda] {}.", unavailable_reason());
    cudaStream_t created = nullptr;
    check(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking), "creating a stream");
    return created;
  }();
  return stream;
}

void* allocate(size_t bytes) {
  require(unavailable_reason().empty(), "[cuda] {}.", unavailable_reason());
  void* pointer = nullptr;
  const cudaError_t status = cudaMalloc(&pointer, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // reported by the caller, not by the next launch
    return nullptr;
  }
  check(status, "allocating memory");
  return pointer;
}

void free(void* pointer) noexcept {
  static_cast<void>(cudaFree(pointer));
}

// From pageable memory: returns once the host's bytes have been read.
void copy_to_device(void* device, const void* host, size_t bytes) {
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream()),
        "a copy to the GPU");
}

void copy_to_host(void* host, const void* device, size_t bytes) {
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream()),
        "a copy from the GPU");
  synchronize();
}

void copy_on_device(void* to, const void* from, size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "a copy on the GPU");
}

void fill_zero(void* device, size_t bytes) {
  check(cudaMemsetAsync(device, 0, bytes, stream()), "zeroing memory");
}

void synchronize() {
  check(cudaStreamSynchronize(stream()), "a kernel");
}

}  // namespace soragrad::cuda
