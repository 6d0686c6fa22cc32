// The few CUDA constructs that the kernels use, as plain C++: the .cu files compile with a host
// compiler and run on the CPU. Blocks run one after another; the threads of a block are fibers that
// switch only at barriers and warp operations. "Device" memory is host memory of its own, which
// under AddressSanitizer is out of bounds for host code between launches (runtime_api.cpp).
//
// What it finds: accesses beyond an array or beyond shared memory, barriers that not all threads
// reach, host code that reads device memory, and (set_order) results that depend on the order in
// which threads, blocks or streams run. Dynamic shared memory begins as NaNs. access_checker.h
// finds races. What it cannot: speed, limits of registers and of shared memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>
#include <string_view>

#include "core/cuda_runtime.h"

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __shared__ static  // one block at a time

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
inline dim3 threadIdx, blockIdx, blockDim, gridDim;

using cudaStream_t = struct EmulatedStream*;
namespace soragrad::cuda {
cudaStream_t stream();  // core/cuda_stream.cuh
}

namespace soragrad::cuda_emulation {

enum class Order { forward, backward };
// Sets the order in which blocks, and threads between barriers, run from now on, and the order of
// streams (include/cuda_runtime.h). Correct programs give the same bits in both orders.
void set_order(Order order);
Order order();

// Puts an operation into a stream. It runs when somebody waits or, while a graph is captured, each
// time that the graph is launched.
void enqueue(std::function<void()> operation, cudaStream_t stream = cuda::stream());
void run_all();        // runs everything in the streams
int64_t host_waits();  // how often the host has waited for kernels so far

// In a kernel: an access to memory that is not there. All later calls of the runtime that wait
// return cudaErrorIllegalAddress, until forget_fault().
void fault();
void forget_fault();
// The next capture breaks after this many operations, as if the driver refused the next one.
void break_capture_after(int64_t operations);

// Runs `thread` for all threads of all blocks. Throws Error if the threads of a block wait for each
// other for ever, or if a block is no whole number of warps.
void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& thread);
int64_t launches();      // kernels launched so far; runs them first
int64_t launches_run();  // kernels that have run so far

std::byte* shared_memory();  // of the running block, of exactly the requested size; NaNs at first

// A barrier in the code of a kernel: __syncthreads, __syncwarp or __threadfence.
struct Barrier {
  std::string_view file;
  int line = 0;
  auto operator<=>(const Barrier&) const = default;
};
void block_barrier(const Barrier& barrier);
void warp_barrier(const Barrier& barrier);
void fence(const Barrier& barrier);
unsigned count(unsigned* counter, unsigned limit);  // atomicInc
// cp.async, see include/cuda_pipeline.h: these are made when the running thread waits for them.
void copy_async(void* shared, const void* global, size_t bytes, size_t zeros, const void* code);
void commit_copies();
void wait_for_copies(size_t batches_left);
// Passes words to the other lanes of the warp. Returns the words of all 32 lanes.
using Words = std::array<uint64_t, 3>;
const Words* exchange(const Words& words);
// The tensor cores' product of core/kernels/mma.cuh, with the fragments' layout of the PTX ISA.
void mma_m16n8k16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
// load_matrices of core/kernels/mma.cuh (the PTX ISA's ldmatrix), with the row that the lane
// passes.
struct alignas(16) MatrixRow {
  uint64_t half[2];
};
void load_matrices(uint32_t (&pair)[4], const MatrixRow& row, bool transposed);

// Whether the tensor cores cut sums off, as those of a GPU do. If not, the default, they add in
// order and round.
void set_truncating_tensor_cores(bool truncates);

// -- Watching kernels -----------------------------------------------------------------------------
// What an observer is told of. The calls about barriers come from the thread that has passed one.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void launch_begins() = 0;
  virtual void block_begins(uint64_t number) = 0;
  virtual void block_ends() = 0;
  virtual void passed_block_barrier() = 0;
  virtual void passed_warp_barrier() = 0;
  virtual void passed_fence() = 0;
  virtual void counts(const void* counter) = 0;  // by an atomic operation
  // The running thread makes an asynchronous copy that the code at this address began.
  virtual void copies(void* to, const void* from, size_t bytes, const void* code) = 0;
};
void set_observer(Observer* observer);  // null: none
// The barriers that kernels have met since an observer was set.
const std::set<Barrier>& barriers_met();
// From now on kernels run as if the barrier were not there. A default Barrier: all are there.
void remove_barrier(const Barrier& barrier);

unsigned running_thread();  // number within the block
bool in_stack_of_running_thread(const void* address);
bool in_shared_memory(const void* address);  // dynamic, or a __shared__ variable
bool in_device_memory(const void* address, size_t bytes);

// Host access to device memory is allowed while one lives, as in an operation of the stream.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
};

}  // namespace soragrad::cuda_emulation

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  soragrad::cuda_emulation::block_barrier({file, line});
}

inline void __syncwarp(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  soragrad::cuda_emulation::warp_barrier({file, line});
}

inline void __threadfence(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  soragrad::cuda_emulation::fence({file, line});
}

inline unsigned atomicInc(unsigned* counter, unsigned limit) {
  return soragrad::cuda_emulation::count(counter, limit);
}

template <typename T>
T __shfl_xor_sync(unsigned, T value, int lane_mask) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  const auto* lanes = soragrad::cuda_emulation::exchange({bits});
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  std::memcpy(&value, &lanes[(thread % 32) ^ static_cast<unsigned>(lane_mask)][0], sizeof(T));
  return value;
}

inline unsigned __ballot_sync(unsigned, bool predicate) {
  const auto* lanes = soragrad::cuda_emulation::exchange({predicate});
  unsigned result = 0;
  for (int lane = 0; lane < 32; ++lane) result |= static_cast<unsigned>(lanes[lane][0]) << lane;
  return result;
}

inline int __popc(unsigned bits) {
  return std::popcount(bits);
}

inline int __ffs(int bits) {
  return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1;
}

namespace soragrad::kernels {

template <typename T>
T* dynamic_shared() {
  return reinterpret_cast<T*>(cuda_emulation::shared_memory());
}

template <typename... Parameters, typename... Args>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
            const Args&... args) {
  static_assert((sizeof(Parameters) + ... + 0) <= 4096, "some drivers take no more of arguments");
  cuda::name_launch(reinterpret_cast<const void*>(kernel));
  cuda_emulation::enqueue(
      [=] { cuda_emulation::run(grid, block, shared_bytes, [&] { kernel(args...); }); });
  cuda::finish_launch();
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
