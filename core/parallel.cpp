// A pool of threads that claim tasks from a counter.
//
// The thread that calls a loop publishes it (function, context, number of tasks), raises the
// generation number, and claims tasks like the workers. A task is claimed by one atomic increment,
// so fast threads take more of them; which thread runs a task changes no result. When no task is
// left, the caller waits until all workers have reported that they are done.
//
// A training step consists of many short loops. Waiting threads therefore spin for a while
// before they sleep: waking a sleeping thread takes longer than many of the loops.
#include "core/parallel.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/console.h"
#include "core/cores.h"
#include "core/error.h"

namespace soragrad {
namespace {

// Checks before a waiting thread sleeps: about 30 microseconds, longer than the gaps between the
// loops of a training step.
constexpr int kSpins = 4000;

thread_local bool inside_loop = false;  // this thread runs a task: its own loops run on it alone

// Tells the processor that the thread spins, which leaves the core to its other hardware thread.
inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The workers wait for a new generation number, claim tasks until none is left, and report.
class ThreadPool {
 public:
  // Goes on with fewer threads, and one line on stderr, if the system does not start them all: half
  // of those that it would start, so that memory is left for the work.
  explicit ThreadPool(int threads) {
    const std::string refusal = start(threads);
    if (refusal.empty()) return;
    const int started = this->threads();
    stop();
    start((started + 1) / 2);
    log_line(
        fmt::format("[threads] {} of {} threads could be started ({}): going on with {}. Give "
                    "fewer threads, or "
                    "raise `ulimit -u` or `ulimit -v`.",
                    started, threads, refusal, this->threads()));
  }

  ~ThreadPool() { stop(); }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void run(int64_t tasks, detail::TaskFunction function, void* context) {
    function_ = function;
    context_ = context;
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    announce();
    claim_tasks();
    for (int spin = 0; busy_.load(std::memory_order_acquire) != 0; ++spin) {
      spin < kSpins ? pause() : std::this_thread::yield();  // the cores may have other work
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  // Starts workers up to this number of threads; the system's words where it refuses one. They wait
  // for the generation after the present one: that of stop() is no loop.
  std::string start(int threads) {
    workers_.reserve(static_cast<size_t>(threads - 1));
    const uint64_t seen = generation_;
    try {
      while (this->threads() < threads) workers_.emplace_back([this, seen] { work(seen); });
    } catch (const std::system_error& error) {
      return error.code().message();
    }
    return "";
  }

  void stop() {
    stop_ = true;
    announce();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_ = false;
  }

  // Raises the generation number and wakes the workers that sleep.
  void announce() {
    {
      const std::lock_guard lock(mutex_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
  }

  void work(uint64_t seen) {
    for (;;) {
      seen = wait_after(seen);
      if (stop_) return;
      claim_tasks();
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  // Returns the generation number once it differs from `seen`.
  uint64_t wait_after(uint64_t seen) {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (generation_.load(std::memory_order_acquire) != seen) return generation_;
      pause();
    }
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return generation_ != seen; });
    return generation_;
  }

  // Runs tasks until none is left. The first exception is kept for the caller; other tasks still
  // run.
  void claim_tasks() {
    inside_loop = true;
    for (int64_t task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) {
      try {
        function_(context_, task);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
      }
    }
    inside_loop = false;
  }

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};  // number of the loop that was published last
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> next_{0};  // the next task to claim
  std::atomic<int> busy_{0};      // workers that have not reported yet
  int64_t tasks_ = 0;
  detail::TaskFunction function_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
};

// The workers of all loops. One loop, or set_num_threads(), has them at a time.
struct LoopWorkers {
  std::mutex mutex;
  std::unique_ptr<ThreadPool> pool = std::make_unique<ThreadPool>(available_cores());
  std::atomic<int> threads{pool->threads()};  // is read without the mutex
};

LoopWorkers& loop_workers() {
  static LoopWorkers instance;
  return instance;
}

// All tasks on this thread, in order, with the promises of a loop on many.
void run_alone(int64_t tasks, detail::TaskFunction function, void* context) {
  const bool before = std::exchange(inside_loop, true);
  std::exception_ptr error;
  for (int64_t task = 0; task < tasks; ++task) {
    try {
      function(context, task);
    } catch (...) {
      if (!error) error = std::current_exception();
    }
  }
  inside_loop = before;
  if (error) std::rethrow_exception(error);
}

}  // namespace

int num_threads() {
  return loop_workers().threads;
}

void set_num_threads(int threads) {
  require(threads >= 1, "[threads] {} threads; at least 1 is needed.", threads);
  require(!inside_loop, "[threads] set_num_threads({}) inside of a parallel loop; call it before.",
          threads);
  const std::lock_guard lock(loop_workers().mutex);
  if (threads == num_threads()) return;
  loop_workers().pool.reset();  // the threads before make room
  loop_workers().pool = std::make_unique<ThreadPool>(threads);
  loop_workers().threads = loop_workers().pool->threads();
}

void detail::run_tasks(int64_t tasks, TaskFunction function, void* context) {
  if (tasks == 1) return function(context, 0);  // its own loops may have the workers
  if (tasks < 1) return;
  // A loop that another thread begins meanwhile (a prefetching reader) runs on that thread alone.
  if (!inside_loop && num_threads() > 1) {
    const std::unique_lock lock(loop_workers().mutex, std::try_to_lock);
    if (lock) return loop_workers().pool->run(tasks, function, context);
  }
  run_alone(tasks, function, context);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
