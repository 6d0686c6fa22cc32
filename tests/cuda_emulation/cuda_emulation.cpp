// The threads of a block are fibers (ucontext). They run in turn until each has finished or waits
// at a barrier; one fiber serves all threads that never wait. A warp's barrier opens when its 32
// lanes have arrived, the block's when all threads have.
#include "tests/cuda_emulation/cuda_emulation.h"

#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace soragrad::cuda_emulation {
namespace {

constexpr size_t kStackBytes = size_t{128} << 10;
[[maybe_unused]] constexpr size_t kOuterBytes = 4096;
constexpr unsigned kWarpSize = 32;
constexpr unsigned kMaxThreads = 1024;  // of a block, on every GPU
constexpr size_t kMaxSharedBytes = 99
                                   << 10;  // of a block that asks, from compute capability 8.0 on

enum class State { ready, at_warp_barrier, at_block_barrier, done };

struct Fiber {
  ucontext_t context{};
  std::unique_ptr<std::byte[]> stack = std::make_unique<std::byte[]>(kStackBytes);
  void* fake_stack = nullptr;  // AddressSanitizer's
};

struct Thread {
  State state = State::done;
  dim3 index;
  Fiber* fiber = nullptr;
};

// Values that lanes exchange, in two sets that alternate: a lane cannot be two exchanges ahead.
struct Warp {
  Words values[2][kWarpSize] = {};
  int turn[kWarpSize] = {};
};

struct Machine {
  std::vector<std::unique_ptr<Fiber>> fibers;
  size_t fibers_used = 0;
  std::vector<Thread> threads;  // the block's
  unsigned started = 0;         // how many of them have started, in their order
  unsigned running = 0;
  std::vector<Warp> warps;
  const std::function<void()>* body = nullptr;
  ucontext_t scheduler{};
  const void* scheduler_stack = nullptr;
  size_t scheduler_stack_bytes = 0;
  std::unique_ptr<std::byte[]> shared;
  Order order = Order::forward;
  int64_t launches = 0;
};

Machine& machine() {
  static Machine instance;
  return instance;
}

unsigned thread_count() {
  return static_cast<unsigned>(machine().threads.size());
}

// Number of the thread that runs as number `place`.
unsigned in_order(unsigned place) {
  return machine().order == Order::forward ? place : thread_count() - 1 - place;
}

void enter_fiber(Fiber& fiber) {
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, fiber.stack.get(), kStackBytes);
#endif
  swapcontext(&machine().scheduler, &fiber.context);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

void leave_fiber(Fiber& fiber, [[maybe_unused]] bool for_ever) {
  Machine& m = machine();
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(for_ever ? nullptr : &fiber.fake_stack, m.scheduler_stack,
                                 m.scheduler_stack_bytes);
#endif
  swapcontext(&fiber.context, &m.scheduler);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fiber.fake_stack, nullptr, nullptr);
#endif
}

void wait_at(State barrier) {
  Thread& thread = machine().threads[machine().running];
  thread.state = barrier;
  leave_fiber(*thread.fiber, false);
}

// Starts one thread after another; where one waits at a barrier, the next gets a fiber of its own.
void fiber_main() {
  Machine& m = machine();
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &m.scheduler_stack, &m.scheduler_stack_bytes);
#endif
  Fiber& fiber = *m.fibers[m.fibers_used - 1];
  while (m.started < thread_count()) {
    m.running = in_order(m.started++);
    m.threads[m.running].fiber = &fiber;
    threadIdx = m.threads[m.running].index;
    (*m.body)();
    m.threads[m.running].state = State::done;
  }
  leave_fiber(fiber, true);
}

void start_fiber() {
  Machine& m = machine();
  if (m.fibers_used == m.fibers.size()) m.fibers.push_back(std::make_unique<Fiber>());
  Fiber& fiber = *m.fibers[m.fibers_used++];
#ifdef __SANITIZE_ADDRESS__
  // Frames that are never returned from: the outermost, as threads run to their ends.
  __asan_unpoison_memory_region(fiber.stack.get() + kStackBytes - kOuterBytes, kOuterBytes);
#endif
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, fiber_main, 0);
  enter_fiber(fiber);
}

// Threads [begin, end) go on where all of them wait at this barrier.
bool open_barrier(unsigned begin, unsigned end, State barrier) {
  Machine& m = machine();
  for (unsigned i = begin; i < end; ++i) {
    if (m.threads[i].state != barrier) return false;
  }
  for (unsigned i = begin; i < end; ++i) m.threads[i].state = State::ready;
  return true;
}

bool open_barriers() {
  bool progress = open_barrier(0, thread_count(), State::at_block_barrier);
  for (unsigned warp = 0; warp < thread_count(); warp += kWarpSize) {
    progress |= open_barrier(warp, warp + kWarpSize, State::at_warp_barrier);
  }
  return progress;
}

void run_block() {
  Machine& m = machine();
  m.fibers_used = 0;
  m.started = 0;
  for (unsigned i = 0; i < thread_count(); ++i) {
    m.threads[i] = {
        State::ready,
        dim3(i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)), nullptr};
  }
  while (m.started < thread_count()) start_fiber();
  const auto done = [](const Thread& thread) { return thread.state == State::done; };
  while (!std::all_of(m.threads.begin(), m.threads.end(), done)) {
    if (!open_barriers()) {
      m.fibers.clear();  // their threads end here
      fail("[cuda emulation] threads of block ({}, {}, {}) wait at different barriers.", blockIdx.x,
           blockIdx.y, blockIdx.z);
    }
    for (unsigned place = 0; place < thread_count(); ++place) {
      m.running = in_order(place);
      Thread& thread = m.threads[m.running];
      if (thread.state != State::ready) continue;
      threadIdx = thread.index;
      enter_fiber(*thread.fiber);
    }
  }
}

}  // namespace

void set_order(Order order) {
  run_all();
  machine().order = order;
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

void block_barrier() {
  wait_at(State::at_block_barrier);
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

// PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type": element i of the lane of
// group l / 4 and place l % 4.
void mma_m16n8k16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const auto both = [](uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; };
  const Words* lanes = exchange({both(a[0], a[1]), both(a[2], a[3]), both(b[0], b[1])});
  // Element i of four a word.
  const auto element = [](const uint64_t* words, int i) {
    return to_float(bfloat16{static_cast<uint16_t>(words[i / 4] >> (16 * (i % 4)))});
  };
  const int lane = static_cast<int>(machine().running % kWarpSize);
  float rows[2][16], columns[2][16];  // what this lane's results need
  for (int place = 0; place < 4; ++place) {
    for (int i = 0; i < 8; ++i) {
      const int k = 2 * place + i % 2 + (i < 4 ? 0 : 8);
      rows[i % 4 < 2 ? 0 : 1][k] = element(lanes[lane / 4 * 4 + place].data(), i);
    }
    for (int i = 0; i < 4; ++i) {
      const int k = 2 * place + i % 2 + (i < 2 ? 0 : 8);
      for (int n = 0; n < 2; ++n) {
        columns[n][k] = element(&lanes[(2 * (lane % 4) + n) * 4 + place][2], i);
      }
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 16; ++k) c[i] += rows[i / 2][k] * columns[i % 2][k];
  }
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
  m.body = &thread;
  ++m.launches;
  gridDim = grid;
  blockDim = block;
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t number = m.order == Order::forward ? i : blocks - 1 - i;
    blockIdx = dim3(static_cast<unsigned>(number % grid.x),
                    static_cast<unsigned>(number / grid.x % grid.y),
                    static_cast<unsigned>(number / grid.x / grid.y));
    m.warps.assign(threads / kWarpSize, Warp());
    m.shared = std::make_unique<std::byte[]>(shared_bytes);
    std::memset(m.shared.get(), 0xff, shared_bytes);
    run_block();
  }
  m.shared.reset();
}

}  // namespace soragrad::cuda_emulation

// SPDX-License-Identifier: Apache-2.0
