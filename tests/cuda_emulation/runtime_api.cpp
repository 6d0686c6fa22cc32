// include/cuda_runtime.h: device memory is host memory of its own, the stream a queue of functions.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "tests/cuda_emulation/include/cuda_runtime.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

struct EmulatedEvent {
  int64_t position = 0;  // the number of operations given to the stream before it
};
struct EmulatedGraph {
  std::vector<std::function<void()>> operations;
};

namespace soragrad::cuda_emulation {
namespace {

struct Runtime {
  std::map<void*, size_t> device, pinned;  // blocks
  std::deque<std::function<void()>> queue;
  int64_t given = 0, done = 0;  // operations
  int64_t waits = 0;
  int users = 0;                           // DeviceAccess
  std::unique_ptr<EmulatedGraph> capture;  // under way
  bool capture_is_broken = false;
};

Runtime& runtime() {
  static auto& instance = *new Runtime;  // as the allocator: outlives static tensors
  return instance;
}

void set_accessible([[maybe_unused]] void* pointer, [[maybe_unused]] size_t bytes,
                    [[maybe_unused]] bool accessible) {
#ifdef __SANITIZE_ADDRESS__
  if (accessible) {
    __asan_unpoison_memory_region(pointer, bytes);
  } else {
    __asan_poison_memory_region(pointer, bytes);
  }
#endif
}

void set_all_accessible(bool accessible) {
  for (const auto& [pointer, bytes] : runtime().device) {
    set_accessible(pointer, bytes, accessible);
  }
}

// Runs what was given to the stream before a position.
void run_until(int64_t position) {
  Runtime& r = runtime();
  if (r.done >= position) return;
  const DeviceAccess access;
  while (r.done < position) {
    const std::function<void()> operation = std::move(r.queue.front());
    r.queue.pop_front();
    ++r.done;
    operation();
  }
}

bool inside(const std::map<void*, size_t>& blocks, const void* pointer, size_t bytes) {
  auto next = blocks.upper_bound(const_cast<void*>(pointer));
  if (next == blocks.begin()) return false;
  const auto& [begin, size] = *--next;
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(pointer) -
                                          static_cast<const std::byte*>(begin));
  return offset + bytes <= size;
}

}  // namespace

DeviceAccess::DeviceAccess() {
  if (runtime().users++ == 0) set_all_accessible(true);
}
DeviceAccess::~DeviceAccess() {
  if (--runtime().users == 0) set_all_accessible(false);
}

void enqueue(std::function<void()> operation) {
  if (runtime().capture) {
    runtime().capture->operations.push_back(std::move(operation));
    return;
  }
  runtime().queue.push_back(std::move(operation));
  ++runtime().given;
}
void run_all() {
  run_until(runtime().given);
}
bool in_device_memory(const void* address, size_t bytes) {
  return inside(runtime().device, address, bytes);
}
int64_t host_waits() {
  return runtime().waits;
}

}  // namespace soragrad::cuda_emulation

using namespace soragrad::cuda_emulation;

namespace {

// Whether a graph is being captured, which a call that cannot be part of it breaks.
bool breaks_capture() {
  if (!runtime().capture) return false;
  runtime().capture_is_broken = true;
  return true;
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) {
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp*, int) {
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char* address, int length, int) {
  std::snprintf(address, static_cast<size_t>(length), "emulated %d", getpid());
  return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, void (*)()) {
  return cudaSuccess;
}
cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaErrorMemoryAllocation           ? "out of memory"
         : status == cudaErrorInvalidValue             ? "the host memory is not pinned"
         : status == cudaErrorStreamCaptureUnsupported ? "not possible while capturing"
         : status == cudaErrorStreamCaptureInvalidated ? "the capture is broken"
                                                       : "emulated error";
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = nullptr;  // there is but one
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  const int64_t before = launches_run();
  run_all();
  runtime().waits += launches_run() > before;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new EmulatedEvent;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  event->position = runtime().given;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  run_until(event->position);
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  *pointer = std::malloc(bytes);
  if (!*pointer) return cudaErrorMemoryAllocation;
  std::memset(*pointer, 0xff, bytes);  // NaNs: what is not written shows
  runtime().device[*pointer] = bytes;
  set_accessible(*pointer, bytes, runtime().users > 0);
  return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  run_all();  // as CUDA does
  const auto found = runtime().device.find(pointer);
  if (found == runtime().device.end()) std::abort();
  set_accessible(pointer, found->second, true);
  runtime().device.erase(found);
  std::free(pointer);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  *pointer = std::malloc(bytes);
  if (!*pointer) return cudaErrorMemoryAllocation;
  runtime().pinned[*pointer] = bytes;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t) {
  const bool pinned = kind == cudaMemcpyHostToDevice   ? inside(runtime().pinned, from, bytes)
                      : kind == cudaMemcpyDeviceToHost ? inside(runtime().pinned, to, bytes)
                                                       : true;
  if (!pinned) return breaks_capture() ? cudaErrorStreamCaptureUnsupported : cudaErrorInvalidValue;
  enqueue([=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t) {
  enqueue([=] { std::memset(to, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  runtime().capture = std::make_unique<EmulatedGraph>();
  runtime().capture_is_broken = false;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  const std::unique_ptr<EmulatedGraph> capture = std::move(runtime().capture);
  *graph = nullptr;
  if (!capture || runtime().capture_is_broken) return cudaErrorStreamCaptureInvalidated;
  *graph = new EmulatedGraph(*capture);
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned) {
  *executable = new EmulatedGraph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  for (const auto& operation : executable->operations) enqueue(operation);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  delete executable;
  return cudaSuccess;
}

// SPDX-License-Identifier: Apache-2.0
