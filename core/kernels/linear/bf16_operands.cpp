// Both layouts hold, for each item (a row of a, a column of op(W)), its pairs along k. In a source
// either an item's elements lie side by side, or those of neighbouring items. So two of the four
// functions copy what they round. The other two also transpose, in blocks of 16 items by 16 pairs,
// which are read and written in whole cache lines.
#include "core/kernels/linear/bf16_operands.h"

#include "core/error.h"

#if defined(__x86_64__) && !defined(SORAGRAD_REAL_DOUBLE)
#include <algorithm>

#include "core/kernels/linear/bf16_pairs-inl.h"
#include "core/parallel.h"

namespace soragrad::kernels {
namespace {

// Rounds `count` elements of one item, as pairs of neighbours; padded to whole vectors of pairs.
SORAGRAD_AVX512_BF16 void round_run(const real* x, int64_t count, int64_t padded, uint32_t* pairs) {
  int64_t p = 0;
  for (; p + 2 * kPairLanes <= count; p += 2 * kPairLanes) {
    _mm512_storeu_si512(pairs + p / 2,
                        rounded(_mm512_loadu_ps(x + p), _mm512_loadu_ps(x + p + kPairLanes)));
  }
  for (; p < padded; p += 2 * kPairLanes) {
    _mm512_storeu_si512(pairs + p / 2,
                        rounded(load_first(x + p, count - p),
                                load_first(x + p + kPairLanes, count - p - kPairLanes)));
  }
}

// Pair q of items [begin, begin + padded) of a source whose rows are k: item i of row p is
// x[p * items + i]. Zeros beyond k and the last item.
SORAGRAD_AVX512_BF16 void pair_rows(const real* x, int64_t k, int64_t items, int64_t q,
                                    int64_t begin, int64_t padded, uint32_t* pairs) {
  const int64_t last = k - 1;
  const real* first = x + std::min(2 * q, last) * items + begin;
  const real* second = x + std::min(2 * q + 1, last) * items + begin;
  for (int64_t i = 0; i < padded; i += kPairLanes) {
    const int64_t left = items - begin - i;
    const __m512 x0 = load_first(first + i, 2 * q <= last ? left : 0);
    const __m512 x1 = load_first(second + i, 2 * q + 1 <= last ? left : 0);
    _mm512_storeu_si512(pairs + i, side_by_side(rounded(x0, x1)));
  }
}

// to[i][j] = from[j][i] for a block of 16 x 16. The pitches are pairs from one row to the next.
SORAGRAD_AVX512_BF16 void turn_block(const uint32_t* from, int64_t from_pitch, uint32_t* to,
                                     int64_t to_pitch) {
  PairBlock block;
  for (int64_t i = 0; i < kPairLanes; ++i) block.row[i] = _mm512_loadu_si512(from + i * from_pitch);
  turn(block);
  for (int64_t i = 0; i < kPairLanes; ++i) _mm512_storeu_si512(to + i * to_pitch, block.row[i]);
}

// Pairs [begin, end) of a part, counted from its first, in all panels.
void panels_of_rows(const OperandPart& part, int64_t begin, int64_t end, uint32_t* panels) {
  const int64_t pitch = bf16_pitch(part.k) / 2;
  for (int64_t q = begin; q < end; ++q) {
    for (int64_t column = 0; column < part.items; column += kPanelColumns) {
      uint32_t* pairs = panels + column * pitch + (part.begin / 2 + q) * kPanelColumns;
      pair_rows(part.x, part.count, part.items, q, column, kPanelColumns, pairs);
    }
  }
}

// The panel that begins at `column`.
void panel_of_columns(const real* weight, int64_t k, int64_t n, int64_t column, uint32_t* pairs) {
  constexpr int64_t kDepth = 2 * kPairLanes;
  uint32_t block[kPairLanes][kPairLanes];
  for (int64_t p = 0; p < bf16_pitch(k); p += kDepth) {
    for (int64_t j = 0; j < kPanelColumns; j += kPairLanes) {
      for (int64_t i = 0; i < kPairLanes; ++i) {
        const int64_t item = column + j + i;
        const int64_t count = item < n ? std::min(kDepth, k - p) : 0;
        round_run(weight + (item < n ? item * k + p : 0), count, kDepth, block[i]);
      }
      turn_block(block[0], kPairLanes, pairs + p / 2 * kPanelColumns + j, kPanelColumns);
    }
  }
}

// Rows [begin, end) of a; `end` may be beyond m.
void rows_of_rows(const real* x, int64_t m, int64_t k, int64_t begin, int64_t end, uint32_t* rows) {
  const int64_t pitch = bf16_pitch(k);
  for (int64_t row = begin; row < end; ++row) {
    round_run(row < m ? x + row * k : x, row < m ? k : 0, pitch, rows + row * (pitch / 2));
  }
}

// Pairs [begin, end) of a part, counted from its first, in all rows; whole blocks.
void rows_of_columns(const OperandPart& part, int64_t begin, int64_t end, uint32_t* rows) {
  const int64_t pitch = bf16_pitch(part.k) / 2, m = part.items;
  uint32_t block[kPairLanes][kPanelColumns];
  for (int64_t q = begin; q < end; q += kPairLanes) {
    for (int64_t row = 0; row < m; row += kPanelColumns) {
      const int64_t padded = std::min(kPanelColumns, round_up(m - row, kPairLanes));
      for (int64_t j = 0; j < kPairLanes; ++j) {
        pair_rows(part.x, part.count, m, q + j, row, padded, block[j]);
      }
      for (int64_t i = 0; i < padded; i += kPairLanes) {
        uint32_t* pairs = rows + (row + i) * pitch + part.begin / 2 + q;
        turn_block(block[0] + i, kPanelColumns, pairs, pitch);
      }
    }
  }
}

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
    bf16_rows_part({.x = x, .begin = 0, .count = k, .items = m, .k = k}, rows);
  } else {
    by_steps(round_up(m, kTileRowsBf16), kRowsOfTask,
             [&](int64_t begin, int64_t end) { rows_of_rows(x, m, k, begin, end, pairs); });
  }
}

void bf16_panels(const real* weight, int64_t k, int64_t n, bool transpose, bfloat16* panels) {
  auto* pairs = reinterpret_cast<uint32_t*>(panels);
  if (transpose) {
    by_steps(n, kPanelColumns, [&](int64_t column, int64_t) {
      panel_of_columns(weight, k, n, column, pairs + column * (bf16_pitch(k) / 2));
    });
  } else {
    bf16_panels_part({.x = weight, .begin = 0, .count = k, .items = n, .k = k}, panels);
  }
}

void bf16_rows_part(const OperandPart& part, bfloat16* rows) {
  by_steps(bf16_pitch(part.count) / 2, kPairsOfTask, [&](int64_t begin, int64_t end) {
    rows_of_columns(part, begin, end, reinterpret_cast<uint32_t*>(rows));
  });
}

void bf16_panels_part(const OperandPart& part, bfloat16* panels) {
  by_steps(bf16_pitch(part.count) / 2, kPairsOfTask, [&](int64_t begin, int64_t end) {
    panels_of_rows(part, begin, end, reinterpret_cast<uint32_t*>(panels));
  });
}

}  // namespace soragrad::kernels

#else  // without AVX-512 bf16_way() never chooses a way that needs them

namespace soragrad::kernels {

void bf16_rows(const real*, int64_t, int64_t, bool, bfloat16*) {
  fail("[bf16_operands] this build has no AVX-512.");
}
void bf16_panels(const real*, int64_t, int64_t, bool, bfloat16*) {
  fail("[bf16_operands] this build has no AVX-512.");
}
void bf16_rows_part(const OperandPart&, bfloat16*) {
  fail("[bf16_operands] this build has no AVX-512.");
}
void bf16_panels_part(const OperandPart&, bfloat16*) {
  fail("[bf16_operands] this build has no AVX-512.");
}

}  // namespace soragrad::kernels

#endif

// SPDX-License-Identifier: Apache-2.0
