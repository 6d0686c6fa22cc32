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
  int64_t system_bytes = 0;  // taken from the system: live and cached
  int64_t system_peak = 0;   // largest system_bytes so far
};

// Bytes aligned to 64 (host) or 256 (device). Where the system has no more, cached blocks go back
// to it; throws where that is not enough.
void* allocate(Device device, size_t bytes);
// Gives back what allocate(device, bytes) returned; the bytes must be the same.
void deallocate(Device device, void* pointer, size_t bytes) noexcept;

// Of a GPU with GraphMemory.
AllocatorStats allocator_stats(Device device);
// Returns all cached blocks to the system, but not GraphMemory's.
void release_cached_memory(Device device);

// Memory for captured graphs (core/cuda_runtime.h), which use the same addresses at every launch.
// While a guard lives on a thread, its blocks of the GPU come from a pool apart, and at any time go
// back to that pool alone: what a graph writes to is never given to anybody outside of one. Graphs
// share it, as they run one after another; so a block that is to outlive a launch must be held
// from before the first capture on, or be taken without a guard. Blocks are rounded up to 256 bytes
// and cut from segments; the same calls, begun when all blocks are free, give the same addresses.
class GraphMemory {
 public:
  GraphMemory();
  ~GraphMemory();
  GraphMemory(const GraphMemory&) = delete;
  GraphMemory& operator=(const GraphMemory&) = delete;

 private:
  bool before_;
};
// Returns the pool's free blocks to the system: once no graph that used them is left.
void release_graph_memory();

}  // namespace soragrad
