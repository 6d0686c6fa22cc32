// The few calls of the CUDA runtime that the rest of the library needs. They exist in a build
// without CUDA, too: there unavailable_reason() is not empty, and the other functions throw it as
// Error.
//
// All work goes to one stream and runs in the order of the calls. Functions queue work and return,
// unless they say that they wait. A failed call throws Error with CUDA's text. One thread at a time
// may copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace soragrad::cuda {

// Empty if a GPU can be used; otherwise one sentence with the reason and what to do.
std::string unavailable_reason();
// The architectures that the kernels were compiled for, "80 86 90 (PTX 90)"; empty without CUDA.
std::string architectures();
// True if the environment variable CUDA_LAUNCH_BLOCKING is 1: the host then waits for each kernel
// and product, and an error of one names it. For searching faults; otherwise an error shows at the
// next wait, without a name.
bool waits_for_each_launch();

// Chooses the GPU of this process: number % n of the n GPUs that it sees. Without a call it is
// GPU 0. Call it before all other functions.
void choose_device(int number);
std::string device_address();  // of that GPU on the machine's PCI bus

void* allocate(size_t bytes);  // from the driver; null if it has not enough
void free(void* pointer) noexcept;
// Copies through a page-locked ring buffer of 4 MiB, and waits only if that is full. `host` may be
// changed or freed at once.
void copy_to_device(void* device, const void* host, size_t bytes);
// Waits until everything queued before has run and the bytes have arrived.
void copy_to_host(void* host, const void* device, size_t bytes);
void copy_on_device(void* to, const void* from, size_t bytes);
void fill_zero(void* device, size_t bytes);
// Waits until everything queued has run. Throws the error of a kernel that failed.
void synchronize();

// A CUDA graph: the GPU work of a function, captured once and replayed from then on by one call of
// the driver instead of one for each operation. A replay does the same work at the same addresses,
// so the memory must be reserved for it (core/allocator.h: GraphMemory).
class Graph {
 public:
  Graph() = default;
  ~Graph();  // waits until all replays have run  NOLINT: nothing to wait for without CUDA
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Captures the GPU work that `work` queues; none of it runs. Call once. Within `work` nothing may
  // be copied from or to the host, nothing may wait, and no memory may be requested from the
  // driver: otherwise it throws Error and nothing is captured.
  void capture(const std::function<void()>& work);
  bool is_captured() const { return executable_ != nullptr; }
  // Queues a replay; does not wait. Throws if nothing was captured.
  void launch() const;

 private:
  void* executable_ = nullptr;  // cudaGraphExec_t
  int64_t operations_ = 0;
};

// What the host has launched so far. An operation is a kernel, a product of cuBLASLt or cuDNN, a
// copy or a fill.
struct Work {
  int64_t operations = 0;        // launched one by one
  int64_t graphs = 0;            // replays of captured graphs
  int64_t graph_operations = 0;  // operations within those replays
  int64_t graph_bytes = 0;       // memory that the driver took for captured graphs
};
Work work();
// Call once per kernel, product, copy or fill launched. Within a capture it counts for the graph.
void count_operation();

// Call both around the launch of a kernel, which name_launch() remembers for messages.
// finish_launch() counts it. It throws Error if the launch was refused or, if
// waits_for_each_launch(), if the kernel failed.
void name_launch(const void* kernel);
void name_launch(const char* what);  // of what is no kernel of ours: "a product of cuBLASLt"
void finish_launch();

// The GPU's own clock, read between operations of the stream. It neither waits nor makes the
// operations wait.
class Timeline {
 public:
  Timeline();
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  // Marks the end of what was queued so far, and returns the number of the mark: 0, 1, 2... Every
  // kBatch marks it waits for the GPU. Throws while a graph is captured.
  int64_t mark();
  // The time of each mark in nanoseconds since the first. Waits until all have been reached.
  const std::vector<int64_t>& times();

 private:
  static constexpr size_t kBatch = 1 << 14;
  void read();

  std::vector<void*> events_;  // cudaEvent_t: the last one that was read, then those to be read
  size_t marked_ = 0;          // of events_[1] and on, not yet read
  std::vector<int64_t> times_;
};

}  // namespace soragrad::cuda

// SPDX-License-Identifier: Apache-2.0
