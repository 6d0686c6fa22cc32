// What our GEMMs use of oneDNN beside dnnl_sgemm. No other header includes oneDNN's.
#pragma once

#include <omp.h>

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

// True if this processor has AVX-512 BF16. ONEDNN_MAX_CPU_ISA=AVX512_CORE in the environment
// forbids it, and AMX with it.
bool has_native_bf16();
}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
