// How CPU kernels reach AVX2 and AVX-512 from one source and one binary: Highway compiles a .cpp
// once a target (foreach_target.h includes it again and again, each time under that target's
// compiler flags), and HWY_DYNAMIC_DISPATCH calls the best copy for the processor at hand.
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
// Inside, inner loops are plain C++: `#pragma omp simd reduction` where a sum may be reordered,
// explicit vectors only where the compiler finds none (random_words-inl.h).

// No #pragma once: foreach_target.h must be seen by every file.
#ifndef HWY_DISABLED_TARGETS
// Three copies are enough: the baseline, AVX2, AVX-512. Bits 4 and 6 are AVX3_SPR and AVX3_ZEN4,
// which Highway 1.0.3 does not know yet.
#define HWY_DISABLED_TARGETS                                                           \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | (1LL << 4) | (1LL << 6) | HWY_SVE | HWY_SVE2 | \
   HWY_SVE_256 | HWY_SVE2_128)
#endif

#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/highway.h>
