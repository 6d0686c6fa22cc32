// Asynchronous copies from global to shared memory (cp.async), as the CUDA Programming Guide names
// them. The emulation makes a copy as late as its thread's wait allows. So what reads the target
// too early finds what was there before, and what overwrites the source too early is copied.
#pragma once

#include "tests/cuda_emulation/cuda_emulation.h"

// Copies 4, 8 or 16 bytes; both places are aligned to that. The last `zeros` bytes are not read but
// zeroed.
[[gnu::noinline]] inline void __pipeline_memcpy_async(void* shared, const void* global,
                                                      size_t bytes, size_t zeros = 0) {
  soragrad::cuda_emulation::copy_async(shared, global, bytes, zeros, __builtin_return_address(0));
}
// The copies of this thread since its last commit are a batch.
inline void __pipeline_commit() {
  soragrad::cuda_emulation::commit_copies();
}
// Waits for all batches of this thread but the last `batches_left`. Other threads see the copies
// after a barrier.
inline void __pipeline_wait_prior(size_t batches_left) {
  soragrad::cuda_emulation::wait_for_copies(batches_left);
}

// SPDX-License-Identifier: Apache-2.0
