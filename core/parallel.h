// Parallel loops over the host's cores. The work is cut into tasks by its shape alone and tasks
// are claimed one by one, so results do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace soragrad {

// Threads used by parallel loops, the calling one included. Default: the cores this process may
// use.
int num_threads();
void set_num_threads(int threads);  // at least 1

namespace detail {
using TaskFunction = void (*)(void* context, int64_t task);
void run_tasks(int64_t tasks, TaskFunction function, void* context);
}  // namespace detail

// Calls body(task) for every task in [0, tasks), in any order, from any thread; returns when all
// are done and rethrows the first exception. A loop inside a loop runs on the calling thread.
template <typename Body>
void parallel_for(int64_t tasks, Body&& body) {
  using Function = std::remove_reference_t<Body>;
  detail::run_tasks(
      tasks, [](void* context, int64_t task) { (*static_cast<Function*>(context))(task); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// Calls body(begin, end) for chunks of [0, count) of about `grain` items each.
template <typename Body>
void parallel_chunks(int64_t count, int64_t grain, Body&& body) {
  grain = std::max<int64_t>(grain, 1);
  parallel_for((count + grain - 1) / grain,
               [&](int64_t task) { body(task * grain, std::min(count, (task + 1) * grain)); });
}

}  // namespace soragrad
