#include "core/allocator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/cuda_runtime.h"
#include "core/error.h"

namespace soragrad {
namespace {

constexpr size_t kAlignment = 256;  // also a multiple of every cache line and vector width

// The smallest of 4, 5, 6 or 7 times a power of two that holds the bytes.
size_t size_class(size_t bytes) {
  bytes = std::max(bytes, kAlignment);
  const size_t step = std::max(std::bit_floor(bytes) / 4, kAlignment);
  return (bytes + step - 1) / step * step;
}

// AddressSanitizer sees overruns only between blocks that come and go one by one.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCache = false;
#else
constexpr bool kCache = true;
#endif

class Pool {
 public:
  explicit Pool(Device device) : device_(device) {}

  void* allocate(size_t bytes) {
    const size_t size = kCache ? size_class(bytes) : std::max<size_t>(bytes, 1);
    const std::lock_guard lock(mutex_);
    void* pointer = nullptr;
    if (auto& list = free_[size]; !list.empty()) {
      pointer = list.back();
      list.pop_back();
      stats_.cached_bytes -= static_cast<int64_t>(size);
    } else {
      pointer = system_allocate(size);
    }
    stats_.live_bytes += static_cast<int64_t>(size);
    stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
    return pointer;
  }

  void deallocate(void* pointer, size_t bytes) noexcept {
    const size_t size = kCache ? size_class(bytes) : std::max<size_t>(bytes, 1);
    const std::lock_guard lock(mutex_);
    stats_.live_bytes -= static_cast<int64_t>(size);
    if (kCache) {
      free_[size].push_back(pointer);
      stats_.cached_bytes += static_cast<int64_t>(size);
    } else {
      system_free(pointer);
    }
  }

  void release() {
    const std::lock_guard lock(mutex_);
    for (auto& [size, list] : free_) {
      for (void* pointer : list) system_free(pointer);
      list.clear();
    }
    stats_.cached_bytes = 0;
  }

  AllocatorStats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  void* system_allocate(size_t size) {
    ++stats_.system_calls;
    void* pointer = device_ == Device::cpu ? try_system(size) : cuda::allocate(size);
    if (!pointer) {
      fail(
          "[allocate] {} MiB do not fit in memory; {} MiB are in use. Use a smaller batch or "
          "model.",
          size >> 20, stats_.live_bytes >> 20);
    }
    return pointer;
  }
  static void* try_system(size_t size) {
    return std::aligned_alloc(kAlignment, (size + kAlignment - 1) / kAlignment * kAlignment);
  }
  void system_free(void* pointer) noexcept {
    device_ == Device::cpu ? std::free(pointer) : cuda::free(pointer);
  }

  Device device_;
  std::mutex mutex_;
  std::unordered_map<size_t, std::vector<void*>> free_;
  AllocatorStats stats_;
};

// Never destroyed: tensors of static lifetime may outlive any order of destruction.
Pool& pool(Device device) {
  static auto& pools = *new std::array<Pool, 2>{Pool(Device::cpu), Pool(Device::cuda)};
  return pools[static_cast<size_t>(device)];
}

}  // namespace

void* allocate(Device device, size_t bytes) {
  return pool(device).allocate(bytes);
}
void deallocate(Device device, void* pointer, size_t bytes) noexcept {
  pool(device).deallocate(pointer, bytes);
}
AllocatorStats allocator_stats(Device device) {
  return pool(device).stats();
}
void release_cached_memory(Device device) {
  pool(device).release();
}

}  // namespace soragrad
