// Fibers by ucontext. A block's threads run in turn until each has finished or waits at a barrier;
// a warp's barrier opens when its 32 lanes are there, the block's when all of its threads are.
#include "tests/cuda_emulation/cuda_emulation.h"

#include <ucontext.h>

#include <memory>
#include <vector>

#include "core/error.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace soragrad::cuda_emulation {
namespace {

constexpr size_t kStackBytes = size_t{128} << 10;
constexpr unsigned kWarpSize = 32;
constexpr unsigned kMaxThreads = 1024;  // of a block, on every GPU

enum class State { ready, at_warp_barrier, at_block_barrier, done };

struct Fiber {
  ucontext_t context{};
  std::unique_ptr<std::byte[]> stack = std::make_unique<std::byte[]>(kStackBytes);
  void* fake_stack = nullptr;  // AddressSanitizer's
  State state = State::done;
  dim3 index;
};

// Values that lanes exchange, in two sets that alternate: a lane cannot be two exchanges ahead.
struct Warp {
  uint64_t values[2][kWarpSize] = {};
  int turn[kWarpSize] = {};
};

struct Machine {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Warp> warps;
  unsigned threads = 0;  // of the block
  unsigned running = 0;
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

void enter_fiber(Fiber& fiber) {
  threadIdx = fiber.index;
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, fiber.stack.get(), kStackBytes);
#endif
  swapcontext(&machine().scheduler, &fiber.context);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

void leave_fiber(State state) {
  Machine& m = machine();
  Fiber& fiber = *m.fibers[m.running];
  fiber.state = state;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(state == State::done ? nullptr : &fiber.fake_stack,
                                 m.scheduler_stack, m.scheduler_stack_bytes);
#endif
  swapcontext(&fiber.context, &m.scheduler);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fiber.fake_stack, nullptr, nullptr);
#endif
}

void fiber_main() {
  Machine& m = machine();
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &m.scheduler_stack, &m.scheduler_stack_bytes);
#endif
  (*m.body)();
  leave_fiber(State::done);
}

void prepare(Fiber& fiber, unsigned thread, dim3 block) {
  fiber.index = dim3(thread % block.x, thread / block.x % block.y, thread / (block.x * block.y));
  fiber.state = State::ready;
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(fiber.stack.get(), kStackBytes);  // frames never returned from
#endif
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, fiber_main, 0);
}

// Threads [begin, end) go on where all of them wait at this barrier.
bool open_barrier(unsigned begin, unsigned end, State barrier) {
  Machine& m = machine();
  for (unsigned i = begin; i < end; ++i) {
    if (m.fibers[i]->state != barrier) return false;
  }
  for (unsigned i = begin; i < end; ++i) m.fibers[i]->state = State::ready;
  return true;
}

bool all_done() {
  const Machine& m = machine();
  for (unsigned i = 0; i < m.threads; ++i) {
    if (m.fibers[i]->state != State::done) return false;
  }
  return true;
}

void run_block() {
  Machine& m = machine();
  for (unsigned i = 0; i < m.threads; ++i) prepare(*m.fibers[i], i, blockDim);
  while (true) {
    bool progress = false;
    for (unsigned i = 0; i < m.threads; ++i) {
      m.running = m.order == Order::forward ? i : m.threads - 1 - i;
      Fiber& fiber = *m.fibers[m.running];
      if (fiber.state != State::ready) continue;
      enter_fiber(fiber);
      progress = true;
    }
    if (all_done()) return;
    for (unsigned warp = 0; warp < m.threads; warp += kWarpSize) {
      progress |= open_barrier(warp, warp + kWarpSize, State::at_warp_barrier);
    }
    progress |= open_barrier(0, m.threads, State::at_block_barrier);
    require(progress, "[cuda emulation] threads of block ({}, {}, {}) wait at different barriers.",
            blockIdx.x, blockIdx.y, blockIdx.z);
  }
}

}  // namespace

void set_order(Order order) {
  machine().order = order;
}
int64_t launches() {
  return machine().launches;
}
std::byte* shared_memory() {
  return machine().shared.get();
}

void block_barrier() {
  leave_fiber(State::at_block_barrier);
}

const uint64_t* exchange(uint64_t bits) {
  Machine& m = machine();
  Warp& warp = m.warps[m.running / kWarpSize];
  const unsigned lane = m.running % kWarpSize;
  const int turn = warp.turn[lane] ^= 1;
  warp.values[turn][lane] = bits;
  leave_fiber(State::at_warp_barrier);
  return warp.values[turn];
}

void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& thread) {
  Machine& m = machine();
  m.threads = block.x * block.y * block.z;
  require(m.threads > 0 && m.threads <= kMaxThreads && m.threads % kWarpSize == 0,
          "[cuda emulation] a block of {} threads; whole warps of 32 up to 1024 are wanted.",
          m.threads);
  require(grid.x > 0 && grid.x <= 0x7fffffffu && grid.y > 0 && grid.y <= 65535 && grid.z > 0 &&
              grid.z <= 65535,
          "[cuda emulation] a grid of ({}, {}, {}) blocks cannot be launched.", grid.x, grid.y,
          grid.z);
  while (m.fibers.size() < m.threads) m.fibers.push_back(std::make_unique<Fiber>());
  m.body = &thread;
  ++m.launches;
  gridDim = grid;
  blockDim = block;
  const DeviceAccess access;
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t number = m.order == Order::forward ? i : blocks - 1 - i;
    blockIdx = dim3(static_cast<unsigned>(number % grid.x),
                    static_cast<unsigned>(number / grid.x % grid.y),
                    static_cast<unsigned>(number / grid.x / grid.y));
    m.warps.assign(m.threads / kWarpSize, Warp());
    m.shared = std::make_unique<std::byte[]>(shared_bytes);
    std::memset(m.shared.get(), 0xff, shared_bytes);
    run_block();
  }
  m.shared.reset();
}

}  // namespace soragrad::cuda_emulation
