// What the emulated CUDA runtime knows; shared by runtime_api.cpp and capture.cpp.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/cuda_emulation/include/cuda_runtime.h"

struct EmulatedStream {
  std::deque<std::function<void()>> queue;
  int64_t given = 0, done = 0;  // operations
};

// An operation of a graph and those that it waits for, which come before it.
struct EmulatedNode {
  std::function<void()> operation;
  std::vector<size_t> after;
};
struct EmulatedGraph {
  std::vector<EmulatedNode> nodes;
};

struct EmulatedEvent {
  EmulatedStream* stream = nullptr;
  int64_t position = 0;                         // operations given to the stream before it
  std::optional<std::vector<size_t>> captured;  // instead: the nodes that it marks the end of
};

namespace soragrad::cuda_emulation {

// A capture under way.
struct Capture {
  explicit Capture(cudaStream_t stream) : origin(stream) { last_nodes[stream] = {}; }

  bool holds(cudaStream_t stream) const { return last_nodes.contains(stream); }
  void add(std::function<void()> operation, cudaStream_t stream);
  std::vector<size_t> last(cudaStream_t stream) { return last_nodes[stream]; }
  void join(cudaStream_t stream, const std::vector<size_t>& after);
  // Whether the first stream waits, at its end, for all that was captured.
  bool is_joined() const;

  cudaStream_t origin;
  EmulatedGraph graph;
  std::map<cudaStream_t, std::vector<size_t>> last_nodes;  // that a stream's next one waits for
  bool broken = false;
};

struct Runtime {
  std::map<void*, size_t> device, pinned;  // blocks
  std::vector<std::unique_ptr<EmulatedStream>> streams;
  int64_t waits = 0;
  int64_t graphs = 0;  // executable ones
  int users = 0;       // DeviceAccess
  bool faulted = false;
  std::unique_ptr<Capture> capture;
  int64_t break_after = -1;  // operations of the next capture; -1: it does not break
};
Runtime& runtime();

// Whether a graph is being captured, which a call that cannot be part of it breaks.
bool breaks_capture();

}  // namespace soragrad::cuda_emulation

// SPDX-License-Identifier: Apache-2.0
