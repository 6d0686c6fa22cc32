#include "cli/processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "core/communicator.h"
#include "core/console.h"
#include "core/error.h"
#include "core/host_name.h"
#include "core/parallel.h"
#include "train/loop/mpi.h"

namespace soragrad::cli {

namespace {

using std::chrono::milliseconds;

// The same mistake may meet all processes at about the same time: process r waits r turns before it
// tells, so that a lower one ends all first. A first process that is saving is waited for: it ends
// this one.
constexpr milliseconds kFirstTurn{1000}, kTurn{50};
constexpr int kMostTurns = 60;

void wait_for_turn(Communicator& all) {
  if (all.is_first()) return;
  const milliseconds turn = kFirstTurn + kTurn * std::min(all.rank(), kMostTurns);
  const auto end = std::chrono::steady_clock::now() + turn;
  while (std::chrono::steady_clock::now() < end || all.first_has_failed()) {
    std::this_thread::sleep_for(milliseconds(10));
  }
}

}  // namespace

std::function<int()> together(std::function<int()> action) {
  return [action = std::move(action)] {
    train::start_mpi();
    const int code = action();
    train::finish_mpi();
    return code;
  };
}

void tell_processes(const train::Session& session) {
  const int processes = world().size();
  if (processes == 1) return;
  const int64_t units = session.config.gradient_accumulation_steps;
  const int threads = num_threads();
  log_line(fmt::format("{} processes share the {} micro-batches of a step; each on {} with {}",
                       processes, units, name_of(session.device),
                       threads == 1 ? "one thread" : fmt::format("{} threads", threads)));
  if (units >= processes) return;
  log_line(
      fmt::format("warning: gradient_accumulation_steps={} leaves {} of {} processes without "
                  "work.",
                  units, processes - units, processes));
}

void require_alone(std::string_view verb) {
  const int processes = train::launched_processes();
  if (processes == 1) return;
  train::leave_to_first();
  throw UsageError(fmt::format(
      "[mpi] {} processes were started to {}, which one does; start it alone.", processes, verb));
}

int end_with_error(int code, std::string_view message) {
  Communicator& all = world();
  if (all.size() == 1) {
    log_line(fmt::format("soragrad: {}", message));
    return code;
  }
  wait_for_turn(all);
  set_log_muted(false);
  log_line(fmt::format("soragrad: process {} on {}: {}", all.rank(), host_name(), message));
  all.abort(code);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
