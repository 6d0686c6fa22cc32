// Both layouts hold, for each item (a row of a, a column of op(W)), its pairs along k. In a source
// either an item's elements lie side by side, or those of neighbouring items. So two of the four
// functions copy what they round. The other two also transpose, in blocks of 16 items by 16 pairs,
// which are read and written in whole cache lines.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/linear/bf16_operands.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <cstring>

#include "core/kernels/linear/bf16_operands.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

constexpr int64_t kBlock = 16;  // items and pairs of a block that is turned

// Elements of one item or one row: `count` of them, padded to `padded`.
void round_run(const real* HWY_RESTRICT x, int64_t count, int64_t padded,
               bfloat16* HWY_RESTRICT y) {
  for (int64_t p = 0; p < count; ++p) y[p] = to_bfloat16(static_cast<float>(x[p]));
  std::fill(y + count, y + padded, bfloat16{});
}

// to[i][j] = from[j][i] for a block. A row of `from` has `from_pitch` pairs, one of `to` to_pitch.
void turn(const uint32_t* HWY_RESTRICT from, int64_t from_pitch, uint32_t* HWY_RESTRICT to,
          int64_t to_pitch) {
  for (int64_t i = 0; i < kBlock; ++i) {
    for (int64_t j = 0; j < kBlock; ++j) to[i * to_pitch + j] = from[j * from_pitch + i];
  }
}

// Pair q of up to 64 items of a source whose rows are k: item i of row p is x[p * items + i]. Rows
// beyond k are zeros.
void pair_rows(const real* x, int64_t k, int64_t items, int64_t q, int64_t begin, int64_t padded,
               uint32_t* HWY_RESTRICT pairs) {
  bfloat16 first[kPanelColumns], second[kPanelColumns];
  const int64_t count = std::min(padded, items - begin);
  const auto row = [&](int64_t p, bfloat16* y) {
    round_run(p < k ? x + p * items + begin : x, p < k ? count : 0, padded, y);
  };
  row(2 * q, first);
  row(2 * q + 1, second);
  for (int64_t i = 0; i < padded; ++i) {
    pairs[i] = first[i].bits | static_cast<uint32_t>(second[i].bits) << 16;
  }
}

// Pairs [begin, end) of all panels.
void panels_of_rows(const real* weight, int64_t k, int64_t n, int64_t begin, int64_t end,
                    uint32_t* panels) {
  for (int64_t q = begin; q < end; ++q) {
    for (int64_t column = 0; column < n; column += kPanelColumns) {
      uint32_t* panel = panels + column * (bf16_pitch(k) / 2);
      pair_rows(weight, k, n, q, column, kPanelColumns, panel + q * kPanelColumns);
    }
  }
}

// The panel that begins at `column`.
void panel_of_columns(const real* weight, int64_t k, int64_t n, int64_t column, uint32_t* pairs) {
  uint32_t block[kBlock][kBlock];
  bfloat16 run[2 * kBlock];
  for (int64_t p = 0; p < bf16_pitch(k); p += 2 * kBlock) {
    for (int64_t j = 0; j < kPanelColumns; j += kBlock) {
      for (int64_t i = 0; i < kBlock; ++i) {
        const int64_t item = column + j + i;
        const int64_t count = item < n ? std::min(2 * kBlock, k - p) : 0;
        round_run(weight + (item < n ? item * k + p : 0), count, 2 * kBlock, run);
        std::memcpy(block[i], run, sizeof(run));
      }
      turn(block[0], kBlock, pairs + p / 2 * kPanelColumns + j, kPanelColumns);
    }
  }
}

// Rows [begin, end) of a; `end` may be beyond m.
void rows_of_rows(const real* x, int64_t m, int64_t k, int64_t begin, int64_t end, uint32_t* rows) {
  const int64_t pitch = bf16_pitch(k);
  for (int64_t row = begin; row < end; ++row) {
    round_run(row < m ? x + row * k : x, row < m ? k : 0, pitch,
              reinterpret_cast<bfloat16*>(rows) + row * pitch);
  }
}

// Pairs [begin, end) of all rows of a; whole blocks.
void rows_of_columns(const real* x, int64_t m, int64_t k, int64_t begin, int64_t end,
                     uint32_t* rows) {
  const int64_t pitch = bf16_pitch(k) / 2;
  uint32_t block[kBlock][kPanelColumns];
  for (int64_t q = begin; q < end; q += kBlock) {
    for (int64_t row = 0; row < m; row += kPanelColumns) {
      const int64_t padded = std::min(kPanelColumns, round_up(m - row, kBlock));
      for (int64_t j = 0; j < kBlock; ++j) pair_rows(x, k, m, q + j, row, padded, block[j]);
      for (int64_t i = 0; i < padded; i += kBlock) {
        turn(block[0] + i, kPanelColumns, rows + (row + i) * pitch + q, pitch);
      }
    }
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {
namespace {

HWY_EXPORT(panels_of_rows);
HWY_EXPORT(panel_of_columns);
HWY_EXPORT(rows_of_rows);
HWY_EXPORT(rows_of_columns);

constexpr int64_t kRowsOfTask = 64, kPairsOfTask = 2 * kTileDepthBf16;

// work(begin, end) for tasks of `step` out of `count`.
template <typename Work>
void by_steps(int64_t count, int64_t step, const Work& work) {
  parallel_for(ceil_div(count, step),
               [&](int64_t task) { work(task * step, std::min((task + 1) * step, count)); });
}

}  // namespace

void bf16_rows(const real* x, int64_t m, int64_t k, bool transpose, bfloat16* rows) {
  auto* pairs = reinterpret_cast<uint32_t*>(rows);
  if (transpose) {
    by_steps(bf16_pitch(k) / 2, kPairsOfTask, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(rows_of_columns)(x, m, k, begin, end, pairs);
    });
  } else {
    by_steps(round_up(m, kTileRowsBf16), kRowsOfTask, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(rows_of_rows)(x, m, k, begin, end, pairs);
    });
  }
}

void bf16_panels(const real* weight, int64_t k, int64_t n, bool transpose, bfloat16* panels) {
  auto* pairs = reinterpret_cast<uint32_t*>(panels);
  if (transpose) {
    by_steps(n, kPanelColumns, [&](int64_t column, int64_t) {
      HWY_DYNAMIC_DISPATCH(panel_of_columns)
      (weight, k, n, column, pairs + column * (bf16_pitch(k) / 2));
    });
  } else {
    by_steps(bf16_pitch(k) / 2, kPairsOfTask, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(panels_of_rows)(weight, k, n, begin, end, pairs);
    });
  }
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
