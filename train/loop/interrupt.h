// Requests to stop: SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, or the end of the time that
// `max_seconds` allows. The first one asks the loop to save and stop. A second signal within two
// seconds is ignored (schedulers and terminals send several at once); a later one ends the process
// at once, as if nobody had caught it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace soragrad::train {

// While one lives the signals are caught; the handlers before are put back after the outermost one.
// SIGHUP stays ignored if it was (nohup).
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

// What interrupted_by() returns when the time is over; no signal has this number.
constexpr int kTimeLimit = -1;

// The signal that arrived, kTimeLimit, or 0.
int interrupted_by() noexcept;
// As if the signal had arrived, or the time were over (kTimeLimit); 0 forgets it.
void set_interrupted(int signal) noexcept;
// Lets the time end this many seconds after the process was started; 0: never.
void set_time_limit(int64_t seconds) noexcept;

// 75 (EX_TEMPFAIL: run me again) for the time limit, SIGUSR1 and, with several processes, SIGTERM;
// else 128 + signal.
int exit_code_of(int reason) noexcept;
// "signal 15 (Terminated)", "max_seconds".
std::string interruption_text(int reason);

// Thrown out of work that a request to stop cuts short.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};
// Throws Interrupted if a request has arrived during the life of a guard. One of several processes
// goes on: all stop at the same place, by the next function.
void stop_if_interrupted();
// Throws Interrupted on all processes (core/communicator.h) if a request has arrived at any of
// them. Collective.
void stop_together();

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
