// A signal that arrives within a product must find a stack to save registers on.
#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/kernels/linear/gemm.h"
#include "core/parallel.h"
#include "core/tensor.h"
#include "tests/core/kernels/linear/gemm_reference.h"

namespace soragrad {
namespace {

thread_local uintptr_t stack_begin = 0, stack_end = 0;  // of the tested thread alone
std::atomic<int> on_stack{0}, elsewhere{0};

void on_alarm(int) {
  if (stack_end == 0) return;
  const auto address = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  ++(address >= stack_begin && address < stack_end ? on_stack : elsewhere);
}

// Sends this process a signal every 200 microseconds, while it lives.
class Alarms {
 public:
  Alarms() {
    struct sigaction action {};
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGALRM, &action, &before_);
    set(200);
  }
  ~Alarms() {
    set(0);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  Alarms(const Alarms&) = delete;
  Alarms& operator=(const Alarms&) = delete;

 private:
  static void set(suseconds_t microseconds) {
    const itimerval timer{.it_interval = {0, microseconds}, .it_value = {0, microseconds}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
  struct sigaction before_ {};
};

}  // namespace

TEST_CASE("gemm: a signal within a product leaves the heap alone") {
  pthread_attr_t attributes;
  void* stack = nullptr;
  size_t size = 0;
  REQUIRE(::pthread_getattr_np(::pthread_self(), &attributes) == 0);
  ::pthread_attr_getstack(&attributes, &stack, &size);
  ::pthread_attr_destroy(&attributes);
  stack_begin = reinterpret_cast<uintptr_t>(stack);
  stack_end = stack_begin + size;
  on_stack = elsewhere = 0;
  // The gradient of a weight over many rows: the deeper, the likelier oneDNN leaves the stack.
  const int threads = num_threads();
  set_num_threads(1);
  constexpr int64_t kRows = 4096, kOut = 192, kIn = 384;
  const Tensor dy = test::uniform({kRows, kOut}, 1), x = test::uniform({kRows, kIn}, 2);
  const Tensor dw = Tensor::empty({kOut, kIn});
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  {
    const Alarms alarms;
    while (std::chrono::steady_clock::now() < end) {
      for (const bool turned : {true, false}) {
        kernels::gemm(Device::cpu, {.a = turned ? dy.data() : x.data(),
                                    .b = turned ? x.data() : dy.data(),
                                    .c = dw.data(),
                                    .m = turned ? kOut : kIn,
                                    .n = turned ? kIn : kOut,
                                    .k = kRows,
                                    .lda = turned ? kOut : kIn,
                                    .ldb = turned ? kIn : kOut,
                                    .ldc = turned ? kIn : kOut,
                                    .transpose_a = true});
      }
    }
  }
  set_num_threads(threads);
  stack_end = 0;
  CHECK(on_stack > 0);
  CHECK(elsewhere == 0);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
