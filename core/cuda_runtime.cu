// The CUDA runtime behind core/cuda_runtime.h: the one stream, copies through page-locked memory,
// and captured graphs.
#include "core/cuda_runtime.h"

#include <cxxabi.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "core/cuda_stream.cuh"
#include "core/error.h"
#include "core/gpu_hold.h"
#include "core/gpu_identity.h"
#include "core/integer_math.h"

namespace soragrad::cuda {
namespace {

__global__ void probe() {}  // asking for its attributes shows if there is code for this GPU

int chosen = 0;  // number of the GPU

// unavailable_reason(): the first of driver, device and code that is missing.
std::string find_reason() {
  int count = 0;
  cudaDeviceProp device{};
  cudaFuncAttributes attributes{};
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count == 0) status = cudaErrorNoDevice;
  if (status == cudaSuccess) {
    chosen %= count;
    status = cudaSetDevice(chosen);
  }
  if (status == cudaSuccess) status = cudaGetDeviceProperties(&device, chosen);
  if (status == cudaSuccess) status = cudaFuncGetAttributes(&attributes, probe);
  static_cast<void>(cudaGetLastError());  // reported here, not by the next launch
  if (status == cudaSuccess) return "";
  if (status == cudaErrorInsufficientDriver) {
    return fmt::format(
        "the NVIDIA driver is missing or too old for CUDA {}.{}; install a newer one, or use "
        "device=cpu",
        CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  }
  if (status == cudaErrorNoDevice) {
    return "no NVIDIA GPU is visible; check nvidia-smi and CUDA_VISIBLE_DEVICES, or use device=cpu";
  }
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction) {
    return fmt::format(
        "this build has kernels for {} but the GPU is of architecture {}{}; configure with "
        "-DSORAGRAD_CUDA_ARCHITECTURES={}{}, or use device=cpu",
        architectures(), device.major, device.minor, device.major, device.minor);
  }
  return fmt::format("CUDA does not start: {}; use device=cpu", cudaGetErrorString(status));
}

}  // namespace

std::string unavailable_reason() {
  static const std::string reason = find_reason();
  return reason;
}

std::string architectures() {
  return SORAGRAD_CUDA_ARCHITECTURES;
}

void choose_device(int number) {
  chosen = number;
}

std::string device_address() {
  require(unavailable_reason().empty(), "[cuda] {}.", unavailable_reason());
  char address[32] = {};
  check(cudaDeviceGetPCIBusId(address, sizeof address, chosen), "asking for a GPU's address");
  return address;
}

std::string gpu_identity() {
  require(unavailable_reason().empty(), "[cuda] {}.", unavailable_reason());
  int device = 0, driver = 0;
  cudaDeviceProp properties{};
  check(cudaGetDevice(&device), "asking for the GPU");
  check(cudaGetDeviceProperties(&properties, device), "asking for the GPU's properties");
  check(cudaDriverGetVersion(&driver), "asking for the driver's version");
  return fmt::format("{}, {} multiprocessors, driver {}.{}, {}", properties.name,
                     properties.multiProcessorCount, driver / 1000, driver % 1000 / 10,
                     product_library());
}

void check(cudaError_t status, const char* what) {
  require(status == cudaSuccess, "[cuda] {} failed: {}.", what, cudaGetErrorString(status));
}

cudaStream_t stream() {
  static const cudaStream_t stream = [] {
    require(unavailable_reason().empty(), "[cuda] {}.", unavailable_reason());
    cudaStream_t created = nullptr;
    check(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking), "creating a stream");
    return created;
  }();
  return stream;
}

namespace {

struct Given {
  Work work;
  bool capturing = false;
  int64_t captured = 0;          // operations, of the graph being captured
  const void* kernel = nullptr;  // of the launch under way, and its name if that is known
  std::string name;
};
Given given;  // not locked: one thread launches work

// A copy in a captured graph would be repeated at every replay, from memory that may be gone.
void require_no_capture(const char* what) {
  require(!given.capturing, "[cuda] {} cannot be captured.", what);
}

// A kernel's name as in its source, from the compiler's: without namespaces and arguments.
std::string plain_name(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  std::string name = demangled ? demangled.get() : mangled;
  for (const std::string_view part :
       {"void ", "soragrad::", "kernels::", "(anonymous namespace)::"}) {
    for (size_t at; (at = name.find(part)) != std::string::npos;) name.erase(at, part.size());
  }
  int depth = 0;  // of template arguments
  for (size_t i = 0; i < name.size(); ++i) {
    depth += (name[i] == '<') - (name[i] == '>');
    if (name[i] == '(' && depth == 0) return name.substr(0, i);
  }
  return name;
}

std::string name_of(const void* kernel) {
  const char* name = nullptr;
  if (cudaFuncGetName(&name, kernel) == cudaSuccess && name) return plain_name(name);
  return "a kernel";
}

// A ring buffer of page-locked memory, in two halves, that copies pass through. The GPU can read
// page-locked memory without the host, so a copy to the GPU does not wait. While the GPU reads one
// half the host fills the other; an event for each half marks when it has been read.
class PinnedRing {
 public:
  static constexpr size_t kHalf = size_t{2} << 20;

  PinnedRing() {
    check(cudaMallocHost(&memory_, 2 * kHalf), "allocating page-locked memory");
    for (cudaEvent_t& event : read_) {
      check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "creating an event");
      check(cudaEventRecord(event, stream()), "recording an event");
    }
  }

  // Returns memory for `bytes`, at most kHalf, that no earlier copy reads any more. Waits if the
  // GPU still reads the half that comes next.
  void* reserve(size_t bytes) {
    if (used_ + bytes > kHalf) {
      check(cudaEventRecord(read_[half_], stream()), "recording an event");
      half_ = 1 - half_;
      used_ = 0;
      check(cudaEventSynchronize(read_[half_]), "a copy to the GPU");
    }
    void* place = static_cast<std::byte*>(memory_) + half_ * kHalf + used_;
    used_ += round_up(bytes, kAlignment);
    return place;
  }

 private:
  static constexpr size_t kAlignment = 64;
  void* memory_ = nullptr;
  cudaEvent_t read_[2] = {};  // recorded after the last copy from a half
  size_t half_ = 0, used_ = 0;
};

// Never destroyed: the driver may be gone when static objects are destroyed.
PinnedRing& pinned_ring() {
  static auto& ring = *new PinnedRing;
  return ring;
}

}  // namespace

void* allocate(size_t bytes) {
  require(unavailable_reason().empty(), "[cuda] {}.", unavailable_reason());
  void* pointer = nullptr;
  const cudaError_t status = cudaMalloc(&pointer, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // reported by the caller, not by the next launch
    return nullptr;
  }
  check(status, "allocating memory");
  return pointer;
}

void free(void* pointer) noexcept {
  static_cast<void>(cudaFree(pointer));
}

void copy_to_device(void* device, const void* host, size_t bytes) {
  require_no_capture("a copy to the GPU");
  for (size_t begin = 0; begin < bytes; begin += PinnedRing::kHalf) {
    const size_t part = std::min(bytes - begin, PinnedRing::kHalf);
    void* place = pinned_ring().reserve(part);
    std::memcpy(place, static_cast<const std::byte*>(host) + begin, part);
    check(cudaMemcpyAsync(static_cast<std::byte*>(device) + begin, place, part,
                          cudaMemcpyHostToDevice, stream()),
          "a copy to the GPU");
    count_operation();
  }
}

void copy_to_host(void* host, const void* device, size_t bytes) {
  require_no_capture("a copy from the GPU");
  for (size_t begin = 0; begin < bytes; begin += PinnedRing::kHalf) {
    const size_t part = std::min(bytes - begin, PinnedRing::kHalf);
    void* place = pinned_ring().reserve(part);
    check(cudaMemcpyAsync(place, static_cast<const std::byte*>(device) + begin, part,
                          cudaMemcpyDeviceToHost, stream()),
          "a copy from the GPU");
    count_operation();
    synchronize();
    std::memcpy(static_cast<std::byte*>(host) + begin, place, part);
  }
}

void copy_on_device(void* to, const void* from, size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "a copy on the GPU");
  count_operation();
}

void fill_zero(void* device, size_t bytes) {
  check(cudaMemsetAsync(device, 0, bytes, stream()), "zeroing memory");
  count_operation();
}

void synchronize() {
  check(cudaStreamSynchronize(stream()), "a kernel");
}

namespace {

// What the driver has left, in bytes.
size_t free_memory() {
  size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for free memory");
  return free;
}

// A capture of the stream. The destructor ends it if an exception leaves it open, so that the
// stream stays usable.
class Capture {
 public:
  Capture() {
    check(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal), "a capture");
    given.capturing = true;
    given.captured = 0;
  }
  ~Capture() {
    if (given.capturing) static_cast<void>(end());
    static_cast<void>(cudaGetLastError());  // reported already, not by the next launch
    if (graph_) static_cast<void>(cudaGraphDestroy(graph_));
  }
  cudaError_t end() {
    given.capturing = false;
    return cudaStreamEndCapture(stream(), &graph_);
  }
  cudaGraph_t graph() const { return graph_; }

 private:
  cudaGraph_t graph_ = nullptr;
};

}  // namespace

Graph::~Graph() {
  if (!executable_) return;
  static_cast<void>(cudaStreamSynchronize(stream()));
  static_cast<void>(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(executable_)));
}

void Graph::capture(const std::function<void()>& work) {
  require(!executable_, "[cuda] this graph has been captured.");
  Capture capture;
  work();
  check(capture.end(), "a capture");
  cudaGraphExec_t executable = nullptr;
  const size_t before = free_memory();
  check(cudaGraphInstantiate(&executable, capture.graph(), 0), "making a captured graph");
  executable_ = executable;
  check(cudaGraphUpload(executable, stream()), "the upload of a captured graph");
  const size_t after = free_memory();
  given.work.graph_bytes += after < before ? static_cast<int64_t>(before - after) : 0;
  operations_ = given.captured;
}

void Graph::launch() const {
  require(executable_, "[cuda] this graph has not been captured.");
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(executable_), stream()),
        "the launch of a captured graph");
  ++given.work.graphs;
  given.work.graph_operations += operations_;
}

Work work() {
  return given.work;
}

void count_operation() {
  ++(given.capturing ? given.captured : given.work.operations);
}

bool waits_for_each_launch() {
  static const bool waits = [] {
    const char* value = std::getenv("CUDA_LAUNCH_BLOCKING");
    return value && std::string_view(value) == "1";
  }();
  return waits;
}

// The name is asked for before the launch if it may fault: after a fault the runtime answers
// nothing any more.
void name_launch(const void* kernel) {
  given.kernel = kernel;
  given.name = waits_for_each_launch() ? name_of(kernel) : "";
}

void name_launch(const char* what) {
  given.kernel = nullptr;
  given.name = what;
}

void finish_launch() {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess && given.name.empty()) given.name = name_of(given.kernel);
  check(status, given.name.c_str());
  count_operation();
  if (waits_for_each_launch() && !given.capturing) {
    check(cudaStreamSynchronize(stream()), given.name.c_str());
  }
}

Timeline::Timeline() : events_(kBatch + 1) {
  for (void*& event : events_) {
    cudaEvent_t created = nullptr;
    check(cudaEventCreateWithFlags(&created, cudaEventDefault), "creating an event");
    event = created;
  }
}

Timeline::~Timeline() {
  for (void* event : events_) static_cast<void>(cudaEventDestroy(static_cast<cudaEvent_t>(event)));
}

int64_t Timeline::mark() {
  require_no_capture("a mark of time");
  if (marked_ == kBatch) read();
  const size_t number = times_.size() + marked_++;
  check(cudaEventRecord(static_cast<cudaEvent_t>(events_[marked_]), stream()),
        "recording an event");
  return static_cast<int64_t>(number);
}

// A step of 12 layers takes the host 5 to 10 ms, events and kernels together some 750 entries of a
// queue that holds about a thousand.
void hold() {
  require_no_capture("a pause");
  const auto wait = [](void*) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  check(cudaLaunchHostFunc(stream(), wait, nullptr), "a pause");
}

const std::vector<int64_t>& Timeline::times() {
  read();
  return times_;
}

// CUDA returns milliseconds since another event in float: few, so that no bits are lost.
void Timeline::read() {
  if (marked_ == 0) return;
  const auto event = [&](size_t i) { return static_cast<cudaEvent_t>(events_[i]); };
  check(cudaEventSynchronize(event(marked_)), "a kernel");
  const int64_t base = times_.empty() ? 0 : times_.back();
  const size_t origin = times_.empty() ? 1 : 0;
  for (size_t i = 1; i <= marked_; ++i) {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, event(origin), event(i)), "reading a time");
    times_.push_back(base + std::llround(static_cast<double>(milliseconds) * 1e6));
  }
  std::swap(events_[0], events_[marked_]);
  marked_ = 0;
}

}  // namespace soragrad::cuda

// SPDX-License-Identifier: Apache-2.0
