#include "core/allocator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>
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

// The stats of a device, which its pools share, and their lock.
struct Shared {
  std::mutex mutex;
  AllocatorStats stats;
};

class Pool {
 public:
  Pool(Device device, Shared& shared, bool caches)
      : device_(device), shared_(shared), caches_(caches) {}

  void* allocate(size_t bytes) {
    const size_t size = size_of(bytes);
    const std::lock_guard lock(shared_.mutex);
    AllocatorStats& stats = shared_.stats;
    void* pointer = nullptr;
    if (auto& list = free_[size]; !list.empty()) {
      pointer = list.back();
      list.pop_back();
      stats.cached_bytes -= static_cast<int64_t>(size);
    } else {
      pointer = system_allocate(size);
    }
    stats.live_bytes += static_cast<int64_t>(size);
    stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
    return pointer;
  }

  void deallocate(void* pointer, size_t bytes) noexcept {
    const size_t size = size_of(bytes);
    const std::lock_guard lock(shared_.mutex);
    shared_.stats.live_bytes -= static_cast<int64_t>(size);
    if (caches_) {
      free_[size].push_back(pointer);
      shared_.stats.cached_bytes += static_cast<int64_t>(size);
    } else {
      system_free(pointer, size);
    }
  }

  // Whether a block that is handed out is this pool's.
  bool owns(void* pointer) const {
    const std::lock_guard lock(shared_.mutex);
    return blocks_.contains(pointer);
  }

  void release() {
    const std::lock_guard lock(shared_.mutex);
    for (auto& [size, list] : free_) {
      for (void* pointer : list) system_free(pointer, size);
      shared_.stats.cached_bytes -= static_cast<int64_t>(size * list.size());
      list.clear();
    }
  }

  AllocatorStats stats() {
    const std::lock_guard lock(shared_.mutex);
    return shared_.stats;
  }

 private:
  size_t size_of(size_t bytes) const {
    return caches_ ? size_class(bytes) : std::max<size_t>(bytes, 1);
  }
  void* system_allocate(size_t size) {
    AllocatorStats& stats = shared_.stats;
    ++stats.system_calls;
    void* pointer = device_ == Device::cpu ? try_system(size) : cuda::allocate(size);
    if (!pointer) {
      fail(
          "[allocate] {} MiB do not fit in memory; {} MiB are in use. Use a smaller batch or "
          "model.",
          size >> 20, stats.live_bytes >> 20);
    }
    blocks_.insert(pointer);
    stats.system_bytes += static_cast<int64_t>(size);
    stats.system_peak = std::max(stats.system_peak, stats.system_bytes);
    return pointer;
  }
  static void* try_system(size_t size) {
    return std::aligned_alloc(kAlignment, (size + kAlignment - 1) / kAlignment * kAlignment);
  }
  void system_free(void* pointer, size_t size) noexcept {
    blocks_.erase(pointer);
    shared_.stats.system_bytes -= static_cast<int64_t>(size);
    device_ == Device::cpu ? std::free(pointer) : cuda::free(pointer);
  }

  Device device_;
  Shared& shared_;
  bool caches_;
  std::unordered_map<size_t, std::vector<void*>> free_;
  std::unordered_set<void*> blocks_;  // from the system, free ones too
};

// Never destroyed: tensors of static lifetime may outlive any order of destruction.
struct Pools {
  std::array<Shared, 2> shared;
  Pool cpu{Device::cpu, shared[0], kCache};
  Pool cuda{Device::cuda, shared[1], kCache};
  Pool graphs{Device::cuda, shared[1], true};  // a graph keeps its blocks whatever checks them
};
Pools& pools() {
  static auto& instance = *new Pools;
  return instance;
}
Pool& pool(Device device) {
  return device == Device::cpu ? pools().cpu : pools().cuda;
}

thread_local bool in_graph_memory = false;

}  // namespace

void* allocate(Device device, size_t bytes) {
  if (device == Device::cuda && in_graph_memory) return pools().graphs.allocate(bytes);
  return pool(device).allocate(bytes);
}
void deallocate(Device device, void* pointer, size_t bytes) noexcept {
  const bool of_graphs = device == Device::cuda && pools().graphs.owns(pointer);
  (of_graphs ? pools().graphs : pool(device)).deallocate(pointer, bytes);
}
AllocatorStats allocator_stats(Device device) {
  return pool(device).stats();
}
void release_cached_memory(Device device) {
  pool(device).release();
}

GraphMemory::GraphMemory() : before_(std::exchange(in_graph_memory, true)) {}
GraphMemory::~GraphMemory() {
  in_graph_memory = before_;
}
void release_graph_memory() {
  pools().graphs.release();
}

}  // namespace soragrad
