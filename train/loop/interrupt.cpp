#include "train/loop/interrupt.h"

#include <fmt/format.h>
#include <time.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include "core/communicator.h"
#include "train/loop/process.h"

namespace soragrad::train {

namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
constexpr int64_t kGraceNanoseconds = 2'000'000'000;
constexpr int kRunMeAgain = 75;  // EX_TEMPFAIL of sysexits.h

// What a signal handler may touch.
std::atomic<int> arrived{0};
std::atomic<int64_t> arrived_at{0};
std::atomic<int64_t> deadline{0};  // on the same clock; 0: none
static_assert(std::atomic<int64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

int guards = 0;
std::array<struct sigaction, kSignals.size()> before;

int64_t nanoseconds_now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void on_signal(int signal) {
  int none = 0;
  if (arrived.compare_exchange_strong(none, signal)) {
    arrived_at = nanoseconds_now();
    return;
  }
  const int64_t first = arrived_at;
  if (first == 0 || nanoseconds_now() - first < kGraceNanoseconds) return;
  std::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  if (guards++ > 0) return;
  arrived = 0;
  arrived_at = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &before[i]);
    const bool nohup = kSignals[i] == SIGHUP && before[i].sa_handler == SIG_IGN;
    if (!nohup) sigaction(kSignals[i], &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  if (--guards > 0) return;
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before[i], nullptr);
  deadline = 0;
}

int interrupted_by() noexcept {
  const int signal = arrived;
  if (signal != 0) return signal;
  const int64_t end = deadline;
  return end != 0 && nanoseconds_now() >= end ? kTimeLimit : 0;
}

void set_interrupted(int signal) noexcept {
  arrived = signal;
  arrived_at = nanoseconds_now();
}

void set_time_limit(int64_t seconds) noexcept {
  const double left = static_cast<double>(seconds) - seconds_since_start();
  deadline = seconds > 0 ? nanoseconds_now() + static_cast<int64_t>(left * 1e9) : 0;
}

int exit_code_of(int reason) noexcept {
  // Launchers end several processes by SIGTERM, whatever the reason.
  const bool by_launcher = reason == SIGTERM && world().size() > 1;
  const bool again = reason == kTimeLimit || reason == SIGUSR1 || by_launcher;
  return again ? kRunMeAgain : 128 + reason;
}

std::string interruption_text(int reason) {
  if (reason == kTimeLimit) return "max_seconds";
  return fmt::format("signal {} ({})", reason, strsignal(reason));
}

void stop_if_interrupted() {
  if (world().size() > 1) return;
  if (guards > 0 && interrupted_by() != 0) throw Interrupted();
}

void stop_together() {
  if (world().size() == 1) return stop_if_interrupted();
  if (guards == 0) return;
  constexpr int64_t kTimeIsOver = 1000;  // above every signal, so that it is seen as a maximum
  const int reason = interrupted_by();
  const int64_t any = world().max(reason == kTimeLimit ? kTimeIsOver : reason);
  if (any == 0) return;
  set_interrupted(any == kTimeIsOver ? kTimeLimit : static_cast<int>(any));
  throw Interrupted();
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
