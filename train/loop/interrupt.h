// SIGINT and SIGTERM during training: the first asks the loop to stop after its step, a second one
// ends the process at once, as if nobody had caught it.
#pragma once

#include <stdexcept>

namespace soragrad::train {

// While one lives the two signals are caught; the handlers before are put back after it.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

// The signal that arrived, or 0.
int interrupted_by() noexcept;
// For tests: as if the signal had arrived; 0 forgets it.
void set_interrupted(int signal) noexcept;

// Thrown out of an evaluation that a signal cuts short.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace soragrad::train
