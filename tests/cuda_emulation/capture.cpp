// Capture and replay of include/cuda_runtime.h. A graph is a list of operations, each after others.
#include <algorithm>
#include <utility>

#include "tests/cuda_emulation/runtime.h"

namespace soragrad::cuda_emulation {

void break_capture_after(int64_t operations) {
  runtime().break_after = operations;
}

void Capture::add(std::function<void()> operation, cudaStream_t stream) {
  if (runtime().break_after == 0) broken = true;
  if (runtime().break_after >= 0) --runtime().break_after;
  std::vector<size_t>& last = last_nodes[stream];
  graph.nodes.push_back({std::move(operation), std::exchange(last, {graph.nodes.size()})});
}

void Capture::join(cudaStream_t stream, const std::vector<size_t>& after) {
  std::vector<size_t>& last = last_nodes[stream];
  last.insert(last.end(), after.begin(), after.end());
}

bool Capture::is_joined() const {
  std::vector<bool> reached(graph.nodes.size());
  for (const size_t node : last_nodes.at(origin)) reached[node] = true;
  for (size_t node = graph.nodes.size(); node-- > 0;) {
    if (!reached[node]) return false;
    for (const size_t before : graph.nodes[node].after) reached[before] = true;
  }
  return true;
}

namespace {

// The nodes in an order that each one's `after` allows: that of the capture or, backward, always
// the last one that is ready.
std::vector<size_t> in_order(const EmulatedGraph& graph) {
  const size_t count = graph.nodes.size();
  std::vector<size_t> result;
  std::vector<bool> done(count);
  const auto is_ready = [&](size_t node) {
    const std::vector<size_t>& after = graph.nodes[node].after;
    return !done[node] &&
           std::all_of(after.begin(), after.end(), [&](size_t n) { return done[n]; });
  };
  while (result.size() < count) {
    size_t next = order() == Order::forward ? result.size() : count - 1;
    while (!is_ready(next)) --next;
    done[next] = true;
    result.push_back(next);
  }
  return result;
}

}  // namespace
}  // namespace soragrad::cuda_emulation

using namespace soragrad::cuda_emulation;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  runtime().capture = std::make_unique<Capture>(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  const std::unique_ptr<Capture> capture = std::move(runtime().capture);
  *graph = nullptr;
  if (!capture || capture->broken) return cudaErrorStreamCaptureInvalidated;
  if (!capture->is_joined()) return cudaErrorStreamCaptureUnjoined;
  *graph = new EmulatedGraph(std::move(capture->graph));
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned) {
  *executable = new EmulatedGraph(*graph);
  ++runtime().graphs;
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
  return breaks_capture() ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  for (const size_t node : in_order(*executable)) {
    enqueue(executable->nodes[node].operation, stream);
  }
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  delete executable;
  --runtime().graphs;
  return cudaSuccess;
}

// SPDX-License-Identifier: Apache-2.0
