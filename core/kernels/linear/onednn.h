// What our GEMMs use of oneDNN beside dnnl_sgemm. No other header includes oneDNN's.
#pragma once

#include <omp.h>
#include <signal.h>

#include <initializer_list>

namespace soragrad::kernels {

// While one lives, oneDNN uses only the calling thread: our tasks already run on all cores. It sets
// the thread's OpenMP limit to 1 and restores it.
class SingleThreaded {
 public:
  SingleThreaded() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~SingleThreaded() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  int before_;
};

// While one lives, no signal interrupts the calling thread. oneDNN's sgemm (2.6, k of some hundreds
// and more) moves the stack pointer into memory that malloc gave it, with no room below: the kernel
// would write what it saves for a signal handler over other memory of the heap. A fault of the
// thread's own still ends in its handler.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t signals;
    ::sigfillset(&signals);
    for (const int fault : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT}) {
      ::sigdelset(&signals, fault);
    }
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// True if this processor has AVX-512 BF16. ONEDNN_MAX_CPU_ISA=AVX512_CORE in the environment
// forbids it, and AMX with it.
bool has_native_bf16();

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
