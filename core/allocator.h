// Caching allocator: freed blocks wait in lists by size class, so that after a few training steps
// nothing is asked from the system any more. Sizes are rounded up by at most a quarter.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device.h"

namespace soragrad {

struct AllocatorStats {
  int64_t live_bytes = 0;    // handed out now
  int64_t peak_bytes = 0;    // largest live_bytes so far
  int64_t cached_bytes = 0;  // freed and kept
  int64_t system_calls = 0;  // blocks asked from the system so far
};

// Bytes aligned to 64 (host) or 256 (device). Throws where the system has no more.
void* allocate(Device device, size_t bytes);
// Gives back what allocate(device, bytes) returned; the bytes must be the same.
void deallocate(Device device, void* pointer, size_t bytes) noexcept;

AllocatorStats allocator_stats(Device device);
// Returns all cached blocks to the system.
void release_cached_memory(Device device);

}  // namespace soragrad
