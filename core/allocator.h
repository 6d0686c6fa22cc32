// Caching allocator: freed blocks are kept in lists by size class and handed out again, so that
// after a few training steps no memory is requested from the system. Sizes are rounded up by at
// most a quarter. All functions may be called from several threads.
//
// A freed GPU block may be handed out while kernels that use it are still queued. That is safe
// because all kernels run in one stream: the next user's kernels run later.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device.h"

namespace soragrad {

struct AllocatorStats {
  int64_t live_bytes = 0;    // in blocks that are in use
  int64_t peak_bytes = 0;    // largest live_bytes so far
  int64_t cached_bytes = 0;  // in blocks that are freed and kept
  int64_t system_calls = 0;  // how often memory was requested from the system
  int64_t system_bytes = 0;  // taken from the system: live and cached
  int64_t system_peak = 0;   // largest system_bytes so far
};

// Returns a block of uninitialised bytes, aligned to 256. If the system has no more memory, cached
// blocks are returned to it first. Throws Error, with the size and what is in use, if that is not
// enough.
void* allocate(Device device, size_t bytes);
// Frees a block that allocate(device, bytes) returned; `bytes` must be the same number.
void deallocate(Device device, void* pointer, size_t bytes) noexcept;

// The counters of a device; a GPU's include GraphMemory.
AllocatorStats allocator_stats(Device device);
// Returns all cached blocks to the system, except those of GraphMemory.
void release_cached_memory(Device device);

// Memory for captured graphs (core/cuda_runtime.h), which use the same addresses at every replay.
//
// While a guard lives on a thread, GPU blocks that the thread allocates come from a separate pool.
// They return to that pool only, whenever they are freed, so memory that a captured graph writes is
// never reused outside of a graph.
//
// All graphs share the pool, because they run one after another: each may overwrite what another
// left there. Duty of the caller: a block that must outlive a replay is allocated without a guard,
// or is held from before the first capture on.
//
// Blocks are rounded up to 256 bytes and cut from segments. The same sequence of calls, begun when
// all blocks are free, returns the same addresses.
class GraphMemory {
 public:
  GraphMemory();
  ~GraphMemory();
  GraphMemory(const GraphMemory&) = delete;
  GraphMemory& operator=(const GraphMemory&) = delete;

 private:
  bool before_;
};
// Returns the pool's free segments to the system. Duty of the caller: no graph that uses them is
// replayed again.
void release_graph_memory();

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
