#include "train/loop/interrupt.h"

#include <atomic>
#include <csignal>

namespace soragrad::train {

namespace {

std::atomic<int> arrived{0};
static_assert(std::atomic<int>::is_always_lock_free);  // what a signal handler may touch

struct sigaction before_int, before_term;

void on_signal(int signal) {
  int none = 0;
  if (arrived.compare_exchange_strong(none, signal)) return;
  std::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  arrived = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &before_int);
  sigaction(SIGTERM, &action, &before_term);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &before_int, nullptr);
  sigaction(SIGTERM, &before_term, nullptr);
}

int interrupted_by() noexcept {
  return arrived;
}
void set_interrupted(int signal) noexcept {
  arrived = signal;
}

}  // namespace soragrad::train
