// Parallel loops over the host's cores. Work is cut into tasks by its shape alone, never by the
// number of threads, and threads claim tasks one by one. So results have the same bits with any
// number of threads, as long as no sum crosses a task. The threads stay between loops; a process
// that is forked from this one has none of them, so a child must not run loops.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/integer_math.h"

namespace soragrad {

// Threads used by parallel loops, the calling one included. Default: the cores this process may use
// (core/cores.h).
int num_threads();
// At least 1. Where the system starts fewer, those are used, and one line on stderr counts them.
// Waits for the loop of another thread to end; throws inside of a loop.
void set_num_threads(int threads);

namespace detail {
using TaskFunction = void (*)(void* context, int64_t task);
void run_tasks(int64_t tasks, TaskFunction function, void* context);
}  // namespace detail

// Calls body(task) for every task in [0, tasks), in any order, on any thread. Returns when all are
// done. If tasks throw, the others still run and the first exception is rethrown. A loop inside of
// a task runs on the task's thread, unless that task is the only one of its loop.
template <typename Body>
void parallel_for(int64_t tasks, Body&& body) {
  using Function = std::remove_reference_t<Body>;
  detail::run_tasks(
      tasks, [](void* context, int64_t task) { (*static_cast<Function*>(context))(task); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// Elements a task of parallel_chunks, so that it takes some 10 to 20 microseconds. Sums are cut by
// them: another number gives other bits.
constexpr int64_t kMemoryGrain = 65536;  // loops bound by memory: sums, copies, arithmetic
constexpr int64_t kUpdateGrain = 32768;  // optimizers and dropout; whole blocks of Philox
constexpr int64_t kMathGrain = 16384;    // exponentials, rounding, normalisation

// Rows of `columns` elements that make a task of `grain` elements; at least 1.
constexpr int64_t rows_of_task(int64_t grain, int64_t columns) {
  return std::max<int64_t>(1, grain / std::max<int64_t>(columns, 1));
}

// Calls body(begin, end) in parallel for chunks of [0, count) of `grain` items each; the last chunk
// may be shorter. Chunk number i begins at i * grain.
template <typename Body>
void parallel_chunks(int64_t count, int64_t grain, Body&& body) {
  grain = std::max<int64_t>(grain, 1);
  parallel_for(ceil_div(count, grain),
               [&](int64_t task) { body(task * grain, std::min(count, (task + 1) * grain)); });
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
