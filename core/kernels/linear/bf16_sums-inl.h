// What our two bf16 products share: the cut into tasks, and how a row of sums is stored. For x86-64
// only.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>

#include "core/kernels/linear/bf16_operands.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/kernels/linear/gemm_tasks.h"
#include "core/parallel.h"

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

// True if tasks should go through all blocks of rows of one panel before the next panel, not
// through all panels of one block. Whichever operand is gone through again and again is read once
// from memory if it fits into the second-level cache beside the rest, else every time.
inline bool panel_by_panel(const GemmBf16Args& args, int64_t row_blocks, int64_t panels) {
  constexpr int64_t kCacheBytes = 1 << 20;
  const auto read = [](int64_t bytes, int64_t times) {
    return bytes > kCacheBytes ? bytes * times : bytes;
  };
  const int64_t row_bytes = bf16_pitch(args.k) * static_cast<int64_t>(sizeof(bfloat16));
  const int64_t a = args.m * row_bytes, weights = args.n * row_bytes;
  return weights + read(a, panels) <= a + read(weights, row_blocks);
}

// Calls multiply(rows, a, pitch, panel, to) for every block of rows of a and panel of op(W), from
// tasks. A block has rows_per_task() rows, rounded up to a multiple of `row_step`.
template <typename Multiply>
void multiply_by_panels(const GemmBf16Args& args, const bfloat16* a, int64_t row_step,
                        const Multiply& multiply) {
  const auto* packed = reinterpret_cast<const bfloat16*>(args.packed);
  const int64_t pitch = bf16_pitch(args.k), panels = ceil_div(args.n, kPanelColumns);
  const int64_t rows = round_up(rows_per_task(args.m, panels), row_step);
  const int64_t row_blocks = ceil_div(args.m, rows);
  const bool by_panel = panel_by_panel(args, row_blocks, panels);
  parallel_for(row_blocks * panels, [&](int64_t task) {
    const int64_t row = (by_panel ? task % row_blocks : task / panels) * rows;
    const int64_t panel = by_panel ? task / row_blocks : task % panels;
    const int64_t column = panel * kPanelColumns;
    multiply(std::min(rows, args.m - row), a + row * pitch, pitch,
             packed + panel * bf16_panel_elements(args.k),
             SumTarget{.c = args.c + row * args.n + column,
                       .pitch = args.n,
                       .columns = std::min(kPanelColumns, args.n - column),
                       .bias = args.bias ? args.bias + column : nullptr,
                       .accumulate = args.accumulate});
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
