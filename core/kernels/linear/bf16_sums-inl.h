// How our bf16 products store a row of sums. For x86-64 only.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "core/kernels/linear/gemm_tasks.h"

namespace soragrad::kernels {

constexpr int kVectorsOfSums = 4, kLanesOfSums = 16;
static_assert(kVectorsOfSums * kLanesOfSums == kPanelColumns);

// Where a tile's sums go: the first `columns` of 64 in each row of c.
struct SumTarget {
  float* c;
  int64_t pitch, columns;  // pitch: elements from one row of c to the next
  const float* bias;       // of these columns, or null
  bool accumulate;
};

// Adds the bias and the old c to the sums of one row of c and stores them.
__attribute__((target("avx512f"))) inline void store_sums(const __m512 (&sums)[kVectorsOfSums],
                                                          const SumTarget& to, float* c) {
  for (int v = 0; v < kVectorsOfSums; ++v) {
    const int64_t left = to.columns - v * kLanesOfSums;
    if (left <= 0) return;
    const auto mask = static_cast<__mmask16>(left >= kLanesOfSums ? 0xffff : (1 << left) - 1);
    __m512 sum = sums[v];
    if (to.bias) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, to.bias + v * kLanesOfSums));
    if (to.accumulate) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, c + v * kLanesOfSums));
    _mm512_mask_storeu_ps(c + v * kLanesOfSums, mask, sum);
  }
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
