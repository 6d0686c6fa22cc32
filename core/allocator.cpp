// Three allocators over the system's: a Pool for the host and one for the GPU, with a free list for
// each size class, and an Arena for GraphMemory, whose blocks are cut from segments and joined
// again.
//
// Size classes are 4, 5, 6 and 7 times powers of two: at most a quarter of a block is unused, and a
// few classes serve the many sizes of ragged batches. A freed block goes to its class's list and
// the next request takes the latest one, whose memory is most likely in the caches.
//
// A training step frees what it allocates, so after a few steps every request finds a block. A
// block is never split or joined; if the system refuses more, all free blocks go back to it and the
// request is tried once more.
#include "core/allocator.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/cuda_runtime.h"
#include "core/error.h"
#include "core/integer_math.h"

namespace soragrad {
namespace {

constexpr size_t kAlignment = 256;  // also a multiple of every cache line and vector width

// The smallest of 4, 5, 6 or 7 times a power of two that holds the bytes.
size_t size_class(size_t bytes) {
  bytes = std::max(bytes, kAlignment);
  const size_t step = std::max(std::bit_floor(bytes) / 4, kAlignment);
  return round_up(bytes, step);
}

// AddressSanitizer finds overruns and uses after free only if every block comes from the system and
// returns to it.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCache = false;
#else
constexpr bool kCache = true;
#endif

// What the allocators of a device share: the lock, under which all its functions are called, the
// counters, and the pool's free lists.
struct Shared {
  Device device;
  std::mutex mutex = {};
  AllocatorStats stats = {};
  std::unordered_map<size_t, std::vector<void*>> cached = {};  // by size

  // Requests memory from the system. If it has no more, free blocks are returned to it first.
  // Throws if that does not help.
  void* take(size_t size) {
    ++stats.system_calls;
    void* pointer = try_system(size);
    if (!pointer) {
      release_cached();
      pointer = try_system(size);
    }
    if (!pointer) {
      fail(
          "[allocate] {} MiB do not fit in memory; {} MiB are in use. Use a smaller batch or "
          "model.",
          size >> 20, stats.live_bytes >> 20);
    }
    stats.system_bytes += static_cast<int64_t>(size);
    stats.system_peak = std::max(stats.system_peak, stats.system_bytes);
    return pointer;
  }
  void give_back(void* pointer, size_t size) noexcept {
    stats.system_bytes -= static_cast<int64_t>(size);
    device == Device::cpu ? std::free(pointer) : cuda::free(pointer);
  }
  void release_cached() {
    for (auto& [size, list] : cached) {
      for (void* pointer : list) give_back(pointer, size);
      stats.cached_bytes -= static_cast<int64_t>(size * list.size());
      list.clear();
    }
  }
  void count_live(int64_t bytes) {
    stats.live_bytes += bytes;
    stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
  }

 private:
  // Null if the system has no more.
  void* try_system(size_t size) const {
    if (device == Device::cuda) return cuda::allocate(size);
    return std::aligned_alloc(kAlignment, round_up(size, kAlignment));
  }
};

// Free lists by size class.
class Pool {
 public:
  explicit Pool(Shared& shared) : shared_(shared) {}

  void* allocate(size_t bytes) {
    const size_t size = size_of(bytes);
    const std::lock_guard lock(shared_.mutex);
    void* pointer = nullptr;
    if (auto& list = shared_.cached[size]; !list.empty()) {
      pointer = list.back();
      list.pop_back();
      shared_.stats.cached_bytes -= static_cast<int64_t>(size);
    } else {
      pointer = shared_.take(size);
    }
    shared_.count_live(static_cast<int64_t>(size));
    return pointer;
  }

  void deallocate(void* pointer, size_t bytes) noexcept {
    const size_t size = size_of(bytes);
    const std::lock_guard lock(shared_.mutex);
    shared_.count_live(-static_cast<int64_t>(size));
    if (kCache) {
      shared_.cached[size].push_back(pointer);
      shared_.stats.cached_bytes += static_cast<int64_t>(size);
    } else {
      shared_.give_back(pointer, size);
    }
  }

  void release() {
    const std::lock_guard lock(shared_.mutex);
    shared_.release_cached();
  }

 private:
  static size_t size_of(size_t bytes) {
    return kCache ? size_class(bytes) : std::max<size_t>(bytes, 1);
  }

  Shared& shared_;
};

// GraphMemory's blocks. They are pieces of segments of at least 32 MiB. A freed piece joins its
// free neighbours, so graphs of all sizes use the same bytes. A request takes the first free piece
// that is large enough, in the oldest segment that has one. So the same calls, begun when all
// pieces are free, return the same addresses, even if segments have been added meanwhile.
class Arena {
 public:
  explicit Arena(Shared& shared) : shared_(shared) {}

  void* allocate(size_t bytes) {
    const size_t size = size_of(bytes);
    const std::lock_guard lock(shared_.mutex);
    void* pointer = nullptr;
    for (Segment& segment : segments_) {
      if ((pointer = segment.take(size))) break;
    }
    if (!pointer) {
      const size_t whole = std::max(size, kSegment);
      segments_.emplace_back(static_cast<std::byte*>(shared_.take(whole)), whole);
      shared_.stats.cached_bytes += static_cast<int64_t>(whole);
      pointer = segments_.back().take(size);
    }
    shared_.stats.cached_bytes -= static_cast<int64_t>(size);
    shared_.count_live(static_cast<int64_t>(size));
    return pointer;
  }

  // Returns false if the block is not from this arena.
  bool try_deallocate(void* pointer, size_t bytes) noexcept {
    const size_t size = size_of(bytes);
    const std::lock_guard lock(shared_.mutex);
    for (Segment& segment : segments_) {
      if (!segment.holds(pointer)) continue;
      segment.give_back(pointer, size);
      shared_.stats.cached_bytes += static_cast<int64_t>(size);
      shared_.count_live(-static_cast<int64_t>(size));
      return true;
    }
    return false;
  }

  void release() {
    const std::lock_guard lock(shared_.mutex);
    std::erase_if(segments_, [&](Segment& segment) {
      if (!segment.is_free()) return false;
      shared_.give_back(segment.begin(), segment.size());
      shared_.stats.cached_bytes -= static_cast<int64_t>(segment.size());
      return true;
    });
  }

 private:
  static constexpr size_t kSegment = size_t{32} << 20;  // smallest segment

  class Segment {
   public:
    Segment(std::byte* begin, size_t size) : begin_(begin), size_(size), free_{{0, size}} {}
    std::byte* begin() const { return begin_; }
    size_t size() const { return size_; }
    bool is_free() const { return free_.size() == 1 && free_.begin()->second == size_; }
    bool holds(const void* pointer) const {
      return std::greater_equal<>()(pointer, begin_) && std::less<>()(pointer, begin_ + size_);
    }

    // Takes the first piece that is large enough; null if there is none.
    void* take(size_t size) {
      const auto piece = std::find_if(free_.begin(), free_.end(),
                                      [&](const auto& entry) { return entry.second >= size; });
      if (piece == free_.end()) return nullptr;
      const auto [offset, length] = *piece;
      free_.erase(piece);
      if (length > size) free_.emplace(offset + size, length - size);
      return begin_ + offset;
    }
    // Joins the piece with its free neighbours on both sides.
    void give_back(void* pointer, size_t size) {
      auto offset = static_cast<size_t>(static_cast<std::byte*>(pointer) - begin_);
      auto next = free_.lower_bound(offset);
      if (next != free_.end() && offset + size == next->first) {
        size += next->second;
        next = free_.erase(next);
      }
      if (next != free_.begin()) {
        const auto previous = std::prev(next);
        if (previous->first + previous->second == offset) {
          previous->second += size;
          return;
        }
      }
      free_.emplace(offset, size);
    }

   private:
    std::byte* begin_;
    size_t size_;
    std::map<size_t, size_t> free_;  // free pieces: from offset to size
  };

  static size_t size_of(size_t bytes) { return round_up(std::max<size_t>(bytes, 1), kAlignment); }

  Shared& shared_;
  std::vector<Segment> segments_;
};

// Never destroyed: tensors with static lifetime may be freed after any other static object.
struct Pools {
  Shared host{Device::cpu}, gpu{Device::cuda};
  Pool cpu{host}, cuda{gpu};
  Arena graphs{gpu};
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
  // More than this no machine has, and size classes would round it up past 64 bits.
  constexpr size_t kMostBytes = size_t{1} << 62;
  require(bytes <= kMostBytes,
          "[allocate] {} MiB do not fit in memory; use a smaller batch or model.", bytes >> 20);
  if (device == Device::cuda && in_graph_memory) return pools().graphs.allocate(bytes);
  return pool(device).allocate(bytes);
}
void deallocate(Device device, void* pointer, size_t bytes) noexcept {
  if (device == Device::cuda && pools().graphs.try_deallocate(pointer, bytes)) return;
  pool(device).deallocate(pointer, bytes);
}
AllocatorStats allocator_stats(Device device) {
  Shared& shared = device == Device::cpu ? pools().host : pools().gpu;
  const std::lock_guard lock(shared.mutex);
  return shared.stats;
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

// SPDX-License-Identifier: Apache-2.0
