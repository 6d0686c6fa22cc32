// core/cuda_runtime.h with host memory for the device's, and the stand-in for cuBLASLt.
#include "core/cuda_runtime.h"

#include <cstdlib>
#include <cstring>
#include <map>

#include "core/kernels/cublas.cuh"
#include "tests/cuda_emulation/cuda_emulation.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace soragrad {
namespace {

struct DeviceMemory {
  std::map<void*, size_t> blocks;
  int users = 0;
};

DeviceMemory& memory() {
  static auto& instance = *new DeviceMemory;  // as the allocator: outlives static tensors
  return instance;
}

void set_accessible([[maybe_unused]] void* pointer, [[maybe_unused]] size_t bytes,
                    [[maybe_unused]] bool accessible) {
#ifdef __SANITIZE_ADDRESS__
  if (accessible) {
    __asan_unpoison_memory_region(pointer, bytes);
  } else {
    __asan_poison_memory_region(pointer, bytes);
  }
#endif
}

void set_all_accessible(bool accessible) {
  for (const auto& [pointer, bytes] : memory().blocks) set_accessible(pointer, bytes, accessible);
}

}  // namespace

cuda_emulation::DeviceAccess::DeviceAccess() {
  if (memory().users++ == 0) set_all_accessible(true);
}
cuda_emulation::DeviceAccess::~DeviceAccess() {
  if (--memory().users == 0) set_all_accessible(false);
}

namespace cuda {

std::string unavailable_reason() {
  return "";
}
std::string architectures() {
  return "emulated";
}

void* allocate(size_t bytes) {
  void* pointer = std::malloc(bytes);
  if (!pointer) return nullptr;
  std::memset(pointer, 0xff, bytes);  // NaNs: what is not written shows
  memory().blocks[pointer] = bytes;
  set_accessible(pointer, bytes, false);
  return pointer;
}

void free(void* pointer) noexcept {
  const auto found = memory().blocks.find(pointer);
  if (found == memory().blocks.end()) std::abort();
  set_accessible(pointer, found->second, true);
  memory().blocks.erase(found);
  std::free(pointer);
}

void copy_to_device(void* device, const void* host, size_t bytes) {
  const cuda_emulation::DeviceAccess access;
  std::memcpy(device, host, bytes);
}
void copy_to_host(void* host, const void* device, size_t bytes) {
  copy_to_device(host, device, bytes);
}
void copy_on_device(void* to, const void* from, size_t bytes) {
  copy_to_device(to, from, bytes);
}
void fill_zero(void* device, size_t bytes) {
  const cuda_emulation::DeviceAccess access;
  std::memset(device, 0, bytes);
}
void synchronize() {}

}  // namespace cuda

void kernels::column_major_gemm(const ColumnMajorGemm& args) {
  const cuda_emulation::DeviceAccess access;
  const auto element = [&](const void* matrix, int64_t index) {
    return args.operands == DType::bf16
               ? static_cast<real>(to_float(static_cast<const bfloat16*>(matrix)[index]))
               : static_cast<const real*>(matrix)[index];
  };
  const auto a = [&](int64_t i, int64_t p) {
    return element(args.a, args.transpose_a ? p + i * args.lda : i + p * args.lda);
  };
  const auto b = [&](int64_t p, int64_t j) {
    return element(args.b, args.transpose_b ? j + p * args.ldb : p + j * args.ldb);
  };
  for (int64_t j = 0; j < args.n; ++j) {
    for (int64_t i = 0; i < args.m; ++i) {
      real sum = 0;
      for (int64_t p = 0; p < args.k; ++p) sum += a(i, p) * b(p, j);
      real& c = args.c[i + j * args.ldc];
      c = sum + (args.accumulate ? c : args.bias ? args.bias[i] : real(0));
    }
  }
}

}  // namespace soragrad
