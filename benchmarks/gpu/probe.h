// What the parts of probe.cu share: checked calls, memory, the one stream, times and graphs.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace probe {

inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

// Memory of the device, freed at the end.
class Memory {
 public:
  explicit Memory(size_t bytes) { check(cudaMalloc(&pointer_, bytes), "memory"); }
  ~Memory() { cudaFree(pointer_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  template <typename T>
  T* as() const {
    return static_cast<T*>(pointer_);
  }

 private:
  void* pointer_ = nullptr;
};

inline cudaStream_t stream() {
  static const cudaStream_t stream = [] {
    cudaStream_t created = nullptr;
    check(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking), "a stream");
    return created;
  }();
  return stream;
}

// A captured graph of what `work` gives to the stream. If `work` throws, nothing is captured and
// the stream stays usable.
class Graph {
 public:
  explicit Graph(const std::function<void()>& work) {
    check(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal), "a capture");
    try {
      work();
    } catch (...) {
      static_cast<void>(cudaStreamEndCapture(stream(), &graph_));
      if (graph_) cudaGraphDestroy(graph_);
      static_cast<void>(cudaGetLastError());
      throw;
    }
    check(cudaStreamEndCapture(stream(), &graph_), "a capture");
    check(cudaGraphGetNodes(graph_, nullptr, &nodes_), "the nodes");
  }
  ~Graph() {
    if (executable_) cudaGraphExecDestroy(executable_);
    cudaGraphDestroy(graph_);
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  size_t nodes() const { return nodes_; }
  void launch() {
    if (!executable_) check(cudaGraphInstantiate(&executable_, graph_, 0), "a graph");
    check(cudaGraphLaunch(executable_, stream()), "a graph");
  }

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
  size_t nodes_ = 0;
};

// Keeps the GPU busy for 300 ms before the first measurement: its clocks rise.
void warm_up();

// Microseconds of one call: the median of `turns` turns of `calls` calls each.
inline double microseconds(int turns, int calls, const std::function<void()>& call) {
  cudaEvent_t begin = nullptr, end = nullptr;
  check(cudaEventCreate(&begin), "an event");
  check(cudaEventCreate(&end), "an event");
  warm_up();
  call();  // caches
  std::vector<double> times;
  for (int turn = 0; turn < turns; ++turn) {
    check(cudaEventRecord(begin, stream()), "an event");
    for (int i = 0; i < calls; ++i) call();
    check(cudaEventRecord(end, stream()), "an event");
    check(cudaEventSynchronize(end), "a kernel");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "a time");
    times.push_back(1e3 * static_cast<double>(milliseconds) / calls);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::nth_element(times.begin(), times.begin() + turns / 2, times.end());
  return times[turns / 2];
}

// The same for calls that take the GPU less time than the host: 20 of them are one graph.
inline double microseconds_in_graph(int turns, const std::function<void()>& call) {
  constexpr int kCalls = 20;
  Graph graph([&] {
    for (int i = 0; i < kCalls; ++i) call();
  });
  return microseconds(turns, 1, [&] { graph.launch(); }) / kCalls;
}

// Numbers in bf16 of both signs and sizes around 1. Products of zeros take less time.
void fill_random(uint16_t* x, size_t n);

// The sections of probe_products.cpp and probe_cudnn.cpp.
void products();
size_t product_count();
size_t cublaslt_version();
void cudnn();
void cudnn_plans();

}  // namespace probe

// SPDX-License-Identifier: Apache-2.0
