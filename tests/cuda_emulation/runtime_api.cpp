// include/cuda_runtime.h: device memory is host memory of its own, a stream is a queue of
// functions.
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "tests/cuda_emulation/runtime.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace soragrad::cuda_emulation {

Runtime& runtime() {
  static auto& instance = *new Runtime;  // as the allocator: outlives static tensors
  return instance;
}

bool breaks_capture() {
  if (!runtime().capture) return false;
  runtime().capture->broken = true;
  return true;
}

namespace {

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

// Runs what was given to the stream before a position. An operation that waits for another stream
// runs that one first.
void run_until(EmulatedStream& stream, int64_t position) {
  if (stream.done >= position) return;
  const DeviceAccess access;
  while (stream.done < position) {
    const std::function<void()> operation = std::move(stream.queue.front());
    stream.queue.pop_front();
    ++stream.done;
    operation();
  }
}

// In Order::backward the other streams run as early as they can.
void wait_for(EmulatedStream& stream, int64_t position) {
  if (order() == Order::backward) {
    for (const auto& other : runtime().streams) {
      if (other.get() != &stream) run_until(*other, other->given);
    }
  }
  run_until(stream, position);
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

void enqueue(std::function<void()> operation, cudaStream_t stream) {
  if (runtime().capture && runtime().capture->holds(stream)) {
    runtime().capture->add(std::move(operation), stream);
    return;
  }
  stream->queue.push_back(std::move(operation));
  ++stream->given;
}
void run_all() {
  auto& streams = runtime().streams;
  for (size_t i = 0; i < streams.size(); ++i) {
    EmulatedStream& stream = *streams[order() == Order::forward ? i : streams.size() - 1 - i];
    run_until(stream, stream.given);
  }
}
bool in_device_memory(const void* address, size_t bytes) {
  return inside(runtime().device, address, bytes);
}
int64_t host_waits() {
  return runtime().waits;
}
void fault() {
  runtime().faulted = true;
}
void forget_fault() {
  runtime().faulted = false;
}

}  // namespace soragrad::cuda_emulation

using namespace soragrad::cuda_emulation;

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) {
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
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
cudaError_t cudaFuncGetName(const char** name, const void* kernel) {
  static auto& names = *new std::map<const void*, std::string>;
  auto [found, is_new] = names.try_emplace(kernel);
  if (is_new) {
    char text[2048] = "";
    // One byte on: some versions look at the byte before the address.
    auto* inside = static_cast<std::byte*>(const_cast<void*>(kernel)) + 1;
    __sanitizer_symbolize_pc(inside, "%f", text, sizeof(text));
    found->second = text;
  }
  *name = found->second.c_str();
  return cudaSuccess;
}
cudaError_t cudaGetLastError() {
  if (runtime().faulted) return cudaErrorIllegalAddress;
  const auto& capture = runtime().capture;
  return capture && capture->broken ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaErrorMemoryAllocation           ? "out of memory"
         : status == cudaErrorInvalidValue             ? "the host memory is not pinned"
         : status == cudaErrorIllegalAddress           ? "an illegal memory access"
         : status == cudaErrorStreamCaptureUnsupported ? "not possible while capturing"
         : status == cudaErrorStreamCaptureInvalidated ? "the capture is broken"
         : status == cudaErrorStreamCaptureUnjoined    ? "a stream has not joined the capture again"
                                                       : "emulated error";
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = runtime().streams.emplace_back(std::make_unique<EmulatedStream>()).get();
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  run_until(*stream, stream->given);
  std::erase_if(runtime().streams, [&](const auto& owned) { return owned.get() == stream; });
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (runtime().capture && runtime().capture->holds(stream)) {
    breaks_capture();
    return cudaErrorStreamCaptureUnsupported;
  }
  const int64_t before = launches_run();
  wait_for(*stream, stream->given);
  runtime().waits += launches_run() > before;
  return runtime().faulted ? cudaErrorIllegalAddress : cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, void (*function)(void*), void* argument) {
  enqueue([=] { function(argument); }, stream);
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->captured) {
    if (!runtime().capture) return cudaErrorStreamCaptureInvalidated;
    runtime().capture->join(stream, *event->captured);
    return cudaSuccess;
  }
  if (!event->stream) return cudaSuccess;  // never recorded
  if (runtime().capture && runtime().capture->holds(stream)) {
    breaks_capture();
    return cudaErrorStreamCaptureUnsupported;
  }
  EmulatedStream& other = *event->stream;
  enqueue([&other, position = event->position] { run_until(other, position); }, stream);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new EmulatedEvent;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->captured.reset();
  if (runtime().capture && runtime().capture->holds(stream)) {
    event->captured = runtime().capture->last(stream);
    return cudaSuccess;
  }
  event->stream = stream;
  event->position = stream->given;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->captured) {
    breaks_capture();
    return cudaErrorStreamCaptureUnsupported;
  }
  if (event->stream) wait_for(*event->stream, event->position);
  return runtime().faulted ? cudaErrorIllegalAddress : cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = static_cast<float>(end->position - begin->position) * 1e-3f;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  // As cudaMalloc: aligned to 256 bytes. The size is not rounded, so that overruns show.
  if (::posix_memalign(pointer, 256, std::max<size_t>(bytes, 1)) != 0)
    return cudaErrorMemoryAllocation;
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

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  size_t taken = kGraphBytes * static_cast<size_t>(runtime().graphs);
  for (const auto& [pointer, bytes] : runtime().device) taken += bytes;
  *total = size_t{1} << 30;
  *free = *total - std::min(taken, *total);
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
                            cudaStream_t stream) {
  const bool pinned = kind == cudaMemcpyHostToDevice   ? inside(runtime().pinned, from, bytes)
                      : kind == cudaMemcpyDeviceToHost ? inside(runtime().pinned, to, bytes)
                                                       : true;
  if (!pinned) return breaks_capture() ? cudaErrorStreamCaptureUnsupported : cudaErrorInvalidValue;
  enqueue([=] { std::memcpy(to, from, bytes); }, stream);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  enqueue([=] { std::memset(to, value, bytes); }, stream);
  return cudaSuccess;
}

// SPDX-License-Identifier: Apache-2.0
