// The threads of a block are fibers. One runs until it has finished or waits at a barrier. A warp's
// barrier opens when its 32 lanes have arrived, the block's when all threads have.
//
// A warp runs as far as it can, through its own barriers too, before the next warp does: one warp
// may be a whole stretch between two __syncthreads ahead of another, as on a GPU.
//
// A fiber begins by ucontext and then changes by __builtin_setjmp and __builtin_longjmp, which cost
// no system call and, unlike swapcontext, are no call that AddressSanitizer clears its shadow for.
#include "tests/cuda_emulation/cuda_emulation.h"

#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

extern "C" {
extern const std::byte __executable_start[], _end[];  // the program's image, by the linker
}

namespace soragrad::cuda_emulation {
namespace {

constexpr size_t kStackBytes = size_t{128} << 10;
constexpr unsigned kWarpSize = 32;
constexpr unsigned kMaxThreads = 1024;  // of a block, on every GPU
constexpr size_t kMaxSharedBytes = 99
                                   << 10;  // of a block that asks, from compute capability 8.0 on

enum class State { unborn, ready, at_warp_barrier, at_block_barrier, done };

// Where a context goes on: what __builtin_setjmp stores.
struct Place {
  void* words[5] = {};
};

struct Fiber {
  Place place;
  bool begun = false;
  ucontext_t context{};  // for the beginning alone
  std::unique_ptr<std::byte[]> stack = std::make_unique<std::byte[]>(kStackBytes);
  void* fake_stack = nullptr;  // AddressSanitizer's
};

struct AsyncCopy {
  std::byte* to;
  const std::byte* from;
  size_t bytes, zeros;
  const void* code;
};

struct Thread {
  State state = State::done;
  dim3 index;
  Fiber* fiber = nullptr;
  std::vector<AsyncCopy> begun;                 // not yet committed
  std::vector<std::vector<AsyncCopy>> batches;  // not yet made, the oldest first
};

// Values that lanes exchange, in two sets that alternate: a lane cannot be two exchanges ahead.
struct Warp {
  Words values[2][kWarpSize] = {};
  int turn[kWarpSize] = {};
};

struct Machine {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  std::vector<Thread> threads;      // the block's
  unsigned running = 0;             // number of a thread
  unsigned next = 0, warp_end = 0;  // threads of the warp that have not begun, in their order
  std::vector<Warp> warps;
  const std::function<void()>* body = nullptr;
  Place scheduler;
  const void* scheduler_stack = nullptr;
  size_t scheduler_stack_bytes = 0;
  std::unique_ptr<std::byte[]> shared;
  size_t shared_bytes = 0;
  Order order = Order::forward;
  int64_t launches = 0;
  Observer* observer = nullptr;
  Barrier removed;
  std::set<Barrier> met;
  std::string error;  // of a thread: fibers cannot throw
};

Machine& machine() {
  static Machine instance;
  return instance;
}

unsigned thread_count() {
  return static_cast<unsigned>(machine().threads.size());
}

// Number of the thread, or warp, that runs as number `place` of `count`.
unsigned in_order(unsigned place, unsigned count) {
  return machine().order == Order::forward ? place : count - 1 - place;
}

// A jump goes past AddressSanitizer's check of functions that do not return, which would take the
// fiber's stack for the program's.
#define SORAGRAD_JUMPS __attribute__((noinline, no_sanitize("address")))

SORAGRAD_JUMPS void jump(Place& to) {
  __builtin_longjmp(to.words, 1);
}

SORAGRAD_JUMPS void enter_fiber(Fiber& fiber) {
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, fiber.stack.get(), kStackBytes);
#endif
  if (!__builtin_setjmp(machine().scheduler.words)) {
    if (fiber.begun) jump(fiber.place);
    fiber.begun = true;
    setcontext(&fiber.context);
  }
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

SORAGRAD_JUMPS void leave_fiber(Fiber& fiber) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&fiber.fake_stack, machine().scheduler_stack,
                                 machine().scheduler_stack_bytes);
#endif
  if (!__builtin_setjmp(fiber.place.words)) jump(machine().scheduler);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fiber.fake_stack, nullptr, nullptr);
#endif
}

void wait_at(State barrier) {
  Thread& thread = machine().threads[machine().running];
  thread.state = barrier;
  leave_fiber(*thread.fiber);
}

// A thread that ends leaves no copy behind.
void finish_copies() {
  Thread& thread = machine().threads[machine().running];
  if (!thread.begun.empty()) commit_copies();
  if (!thread.batches.empty()) wait_for_copies(0);
}

// Begins one thread of the warp after another; if one waits, the next gets another fiber.
void fiber_main() {
  Machine& m = machine();
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &m.scheduler_stack, &m.scheduler_stack_bytes);
#endif
  Fiber& fiber = *m.idle.back();
  m.idle.pop_back();
  while (true) {
    while (m.next < m.warp_end) {
      m.running = in_order(m.next++, thread_count());
      Thread& thread = m.threads[m.running];
      thread.fiber = &fiber;
      threadIdx = thread.index;
      (*m.body)();
      finish_copies();
      m.threads[m.running].state = State::done;
    }
    m.idle.push_back(&fiber);
    leave_fiber(fiber);
    m.idle.pop_back();  // it was the last: see begin_threads()
  }
}

// Begins threads until one of them waits or the warp has no more.
void begin_threads() {
  Machine& m = machine();
  if (m.idle.empty()) {
    Fiber& fiber = *m.fibers.emplace_back(std::make_unique<Fiber>());
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, fiber_main, 0);
    m.idle.push_back(&fiber);
  }
  enter_fiber(*m.idle.back());
}

// Threads [begin, end) go on if all of them wait at this barrier.
bool open_barrier(unsigned begin, unsigned end, State barrier) {
  Machine& m = machine();
  for (unsigned i = begin; i < end; ++i) {
    if (m.threads[i].state != barrier) return false;
  }
  for (unsigned i = begin; i < end; ++i) m.threads[i].state = State::ready;
  return true;
}

// Runs the warp that comes as number `place` until all of its lanes have ended or wait for others.
// Returns false if none could run.
bool run_warp(unsigned place) {
  Machine& m = machine();
  const unsigned begin = in_order(place, thread_count() / kWarpSize) * kWarpSize;
  bool progress = false;
  if (m.threads[begin].state == State::unborn) {
    m.next = place * kWarpSize;
    m.warp_end = m.next + kWarpSize;
    while (m.next < m.warp_end) begin_threads();
    progress = true;
  }
  while (true) {
    open_barrier(begin, begin + kWarpSize, State::at_warp_barrier);
    bool ran = false;
    for (unsigned i = 0; i < kWarpSize; ++i) {
      const unsigned thread = begin + in_order(i, kWarpSize);
      if (m.threads[thread].state != State::ready) continue;
      m.running = thread;
      threadIdx = m.threads[thread].index;
      enter_fiber(*m.threads[thread].fiber);
      ran = true;
    }
    if (!ran) return progress;
    progress = true;
  }
}

void run_block() {
  Machine& m = machine();
  m.warps.assign(thread_count() / kWarpSize, Warp());
  std::memset(m.shared.get(), 0xff, m.shared_bytes);
  for (unsigned i = 0; i < thread_count(); ++i) {
    m.threads[i] = {
        State::unborn,
        dim3(i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)),
        nullptr,
        {},
        {}};
  }
  const unsigned warps = thread_count() / kWarpSize;
  const auto done = [](const Thread& thread) { return thread.state == State::done; };
  do {
    bool progress = open_barrier(0, thread_count(), State::at_block_barrier);
    for (unsigned place = 0; place < warps; ++place) progress |= run_warp(place);
    if (!progress) {
      m.fibers.clear();  // their threads end here
      m.idle.clear();
      fail("[cuda emulation] threads of block ({}, {}, {}) wait at different barriers.", blockIdx.x,
           blockIdx.y, blockIdx.z);
    }
  } while (!std::all_of(m.threads.begin(), m.threads.end(), done));
}

// Whether a kernel's barrier counts; notes that it was met.
bool stands(const Barrier& barrier) {
  Machine& m = machine();
  if (m.observer) m.met.insert(barrier);
  return barrier != m.removed;
}

}  // namespace

void set_order(Order order) {
  run_all();
  machine().order = order;
}
Order order() {
  return machine().order;
}
int64_t launches() {
  run_all();
  return launches_run();
}
int64_t launches_run() {
  return machine().launches;
}
std::byte* shared_memory() {
  return machine().shared.get();
}

void block_barrier(const Barrier& barrier) {
  if (!stands(barrier)) return;
  wait_at(State::at_block_barrier);
  if (machine().observer) machine().observer->passed_block_barrier();
}

void warp_barrier(const Barrier& barrier) {
  if (!stands(barrier)) return;
  exchange({});
  if (machine().observer) machine().observer->passed_warp_barrier();
}

void fence(const Barrier& barrier) {
  if (stands(barrier) && machine().observer) machine().observer->passed_fence();
}

unsigned count(unsigned* counter, unsigned limit) {
  if (machine().observer) machine().observer->counts(counter);
  return std::exchange(*counter, *counter >= limit ? 0 : *counter + 1);
}

void copy_async(void* shared, const void* global, size_t bytes, size_t zeros, const void* code) {
  const auto aligned = [bytes](const void* at) {
    return reinterpret_cast<uintptr_t>(at) % bytes == 0;
  };
  if ((bytes != 4 && bytes != 8 && bytes != 16) || zeros > bytes || !aligned(shared) ||
      !aligned(global) || !in_shared_memory(shared)) {
    machine().error = fmt::format(
        "[cuda emulation] an asynchronous copy of {} bytes; 4, 8 or 16 aligned ones to shared "
        "memory "
        "are possible.",
        bytes);
    return;
  }
  machine().threads[machine().running].begun.push_back(
      {static_cast<std::byte*>(shared), static_cast<const std::byte*>(global), bytes, zeros, code});
}
void commit_copies() {
  Thread& thread = machine().threads[machine().running];
  thread.batches.push_back(std::exchange(thread.begun, {}));
}
void wait_for_copies(size_t batches_left) {
  auto& batches = machine().threads[machine().running].batches;
  while (batches.size() > batches_left) {
    for (const AsyncCopy& copy : batches.front()) {
      const size_t read = copy.bytes - copy.zeros;
      if (machine().observer) machine().observer->copies(copy.to, copy.from, read, copy.code);
      std::memcpy(copy.to, copy.from, read);
      std::memset(copy.to + read, 0, copy.zeros);
    }
    batches.erase(batches.begin());
  }
}

unsigned running_thread() {
  return machine().running;
}
bool in_stack_of_running_thread(const void* address) {
  const Fiber* fiber = machine().threads[machine().running].fiber;
  const auto* at = static_cast<const std::byte*>(address);
  return fiber && at >= fiber->stack.get() && at < fiber->stack.get() + kStackBytes;
}
bool in_shared_memory(const void* address) {
  const auto* at = static_cast<const std::byte*>(address);
  const auto inside = [at](const void* begin, size_t bytes) {
    const auto* first = static_cast<const std::byte*>(begin);
    return first && at >= first && at < first + bytes;
  };
  return inside(machine().shared.get(), machine().shared_bytes) ||
         inside(__executable_start, static_cast<size_t>(_end - __executable_start));
}

void set_observer(Observer* observer) {
  run_all();
  machine().observer = observer;
  machine().met.clear();
}
const std::set<Barrier>& barriers_met() {
  return machine().met;
}
void remove_barrier(const Barrier& barrier) {
  run_all();
  machine().removed = barrier;
}

const Words* exchange(const Words& words) {
  Machine& m = machine();
  Warp& warp = m.warps[m.running / kWarpSize];
  const unsigned lane = m.running % kWarpSize;
  const int turn = warp.turn[lane] ^= 1;
  warp.values[turn][lane] = words;
  wait_at(State::at_warp_barrier);
  return warp.values[turn];
}

void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& thread) {
  Machine& m = machine();
  const unsigned threads = block.x * block.y * block.z;
  require(threads > 0 && threads <= kMaxThreads && threads % kWarpSize == 0,
          "[cuda emulation] a block of {} threads; whole warps of 32 up to 1024 are wanted.",
          threads);
  require(grid.x > 0 && grid.x <= 0x7fffffffu && grid.y > 0 && grid.y <= 65535 && grid.z > 0 &&
              grid.z <= 65535,
          "[cuda emulation] a grid of ({}, {}, {}) blocks cannot be launched.", grid.x, grid.y,
          grid.z);
  require(shared_bytes <= kMaxSharedBytes,
          "[cuda emulation] {} bytes of shared memory; a block can have {}.", shared_bytes,
          kMaxSharedBytes);
  m.threads.resize(threads);
  m.shared = std::make_unique_for_overwrite<std::byte[]>(shared_bytes);
  m.shared_bytes = shared_bytes;
  m.body = &thread;
  ++m.launches;
  if (m.observer) m.observer->launch_begins();
  gridDim = grid;
  blockDim = block;
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t number = m.order == Order::forward ? i : blocks - 1 - i;
    blockIdx = dim3(static_cast<unsigned>(number % grid.x),
                    static_cast<unsigned>(number / grid.x % grid.y),
                    static_cast<unsigned>(number / grid.x / grid.y));
    if (m.observer) m.observer->block_begins(number);
    run_block();
    if (m.observer) m.observer->block_ends();
    if (!m.error.empty()) fail("{}", std::exchange(m.error, {}));
  }
  m.shared.reset();
}

}  // namespace soragrad::cuda_emulation

// SPDX-License-Identifier: Apache-2.0
