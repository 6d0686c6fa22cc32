// The operands of our own bf16 products (gemm_bf16_avx512.cpp, gemm_bf16_amx.cpp), rounded from
// real to bf16, to nearest even. Both are made of pairs: two neighbours in k, which one instruction
// multiplies and adds.
//   rows    a (m, k) row-major, (round_up(m, kTileRowsBf16), pitch) elements
//   panels  op(W) (k, n) in panels of kPanelColumns columns; pair q of column j of a panel is
//           number q * kPanelColumns + j
// What goes beyond m, n and k is filled up with zeros. Both need AVX-512 BF16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"
#include "core/integer_math.h"
#include "core/kernels/linear/gemm_tasks.h"

namespace soragrad::kernels {

constexpr int64_t kTileRowsBf16 = 16, kTileDepthBf16 = 32;  // of an operand's tile in AMX

// Elements of k, filled up to whole tiles.
constexpr int64_t bf16_pitch(int64_t k) {
  return round_up(k, kTileDepthBf16);
}
constexpr int64_t bf16_rows_elements(int64_t m, int64_t k) {
  return round_up(m, kTileRowsBf16) * bf16_pitch(k);
}
constexpr int64_t bf16_panel_elements(int64_t k) {
  return bf16_pitch(k) * kPanelColumns;
}
constexpr int64_t bf16_panels_elements(int64_t n, int64_t k) {
  return ceil_div(n, kPanelColumns) * bf16_panel_elements(k);
}

// x is (m, k), or (k, m) with `transpose`.
void bf16_rows(const real* x, int64_t m, int64_t k, bool transpose, bfloat16* rows);
// W is (k, n), or (n, k) with `transpose`.
void bf16_panels(const real* weight, int64_t k, int64_t n, bool transpose, bfloat16* panels);

// Both operands of a weight's gradient have the rows of an activation as their k. These lay out
// `count` of them, from number `begin` on, which is a multiple of kTileDepthBf16; x begins there.
struct OperandPart {
  const real* x;  // (count, items)
  int64_t begin, count;
  int64_t items;  // m of rows, n of panels
  int64_t k;      // of the whole operand
};
void bf16_rows_part(const OperandPart& part, bfloat16* rows);      // as bf16_rows transposes
void bf16_panels_part(const OperandPart& part, bfloat16* panels);  // as bf16_panels does not

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
