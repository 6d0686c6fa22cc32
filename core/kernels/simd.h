// How CPU kernels use AVX2 and AVX-512 from one source and in one binary. Highway compiles a .cpp
// once for each target: foreach_target.h includes the file again, each time under that target's
// compiler flags. HWY_DYNAMIC_DISPATCH calls the best copy for the processor that runs it.
//
// The pattern of a kernel's .cpp:
//
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "core/kernels/NAME.cpp"
//   #include "core/kernels/simd.h"           // this file: which targets, then foreach_target.h
//
//   HWY_BEFORE_NAMESPACE();
//   namespace soragrad::kernels::HWY_NAMESPACE {
//   ...loops over rows or elements: the compiler vectorises them for the target at hand...
//   }
//   HWY_AFTER_NAMESPACE();
//
//   #if HWY_ONCE
//   namespace soragrad::kernels {
//   HWY_EXPORT(loop);
//   ...HWY_DYNAMIC_DISPATCH(loop)(...) from tasks of core/parallel.h...
//   }
//   #endif
//
// Inner loops are plain C++ with `#pragma omp simd reduction` if a sum may be reordered. Explicit
// vectors are written only where the compiler finds none (random_words-inl.h, small_gemm-inl.h).
// Such sums depend on the vector width: bits are equal for any thread count, but may differ in the
// last place between processors with and without AVX-512.

// No #pragma once: every file that includes this one must see foreach_target.h.
#ifndef HWY_DISABLED_TARGETS
// Three copies of each kernel are enough: the baseline, AVX2 and AVX-512. Bits 4 and 6 are AVX3_SPR
// and AVX3_ZEN4, which Highway 1.0.3 (Debian 12) does not name yet.
#define HWY_DISABLED_TARGETS                                                           \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | (1LL << 4) | (1LL << 6) | HWY_SVE | HWY_SVE2 | \
   HWY_SVE_256 | HWY_SVE2_128)
#endif

#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>

// SPDX-License-Identifier: Apache-2.0
