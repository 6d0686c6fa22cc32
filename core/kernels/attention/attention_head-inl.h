// Attention of one head of one sequence on the CPU, by one thread, in the thread's scratch memory.
//
// Tiling. The head's slices of q, k, v and dy are gathered into dense rows of `depth` columns (the
// head size rounded up to whole vectors); k and v are also transposed, because small_gemm wants a
// row-major right operand. All L x L scores of the head are kept (1 MiB at L = 512) and softmax
// runs over whole rows. Every product is a small_gemm, whose sums stay in registers. In bf16 it is
// a small_gemm_bf16, which packs operands as they lie: nothing is gathered or transposed before.
//
// Position terms are computed in band form, a block of n queries or keys at a time. For
// queries [i0, i0 + n) and L keys the distance i - j takes n + L - 1 values. One product with that
// stretch of the expanded table gives q_i . pk for all of them:
//   c (n, n + L - 1):   score(i, j) += c[i - i0][n - 1 - (i - i0) + j]     table in falling order
//   t (n, n + nq - 1):  score(i, j) += t[j - j0][i - (j - j0) + n - 1]     table in rising order
// The order of distances makes a row of scores a contiguous piece of a row of c, so nothing is
// looked up per element. The product computes n - 1 distances too many per row, which is why
// blocks are short: at L = 128 a position term costs 1.2 times what q k^T costs.
//
// Backward writes ds into the same positions of a zeroed c or t and multiplies it with the table
// (for dq, dk) and with q or k (for the table's gradient). Each position has one writer: there is
// no scatter. One thread does all of this in a fixed order, so no thread count changes a bit.

// Included once for each SIMD target (simd.h), so Highway's toggle replaces #pragma once.
#if defined(SORAGRAD_ATTENTION_HEAD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SORAGRAD_ATTENTION_HEAD_INL_H
#undef SORAGRAD_ATTENTION_HEAD_INL_H
#else
#define SORAGRAD_ATTENTION_HEAD_INL_H
#endif

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/kernels/attention/attention.h"
#include "core/kernels/linear/bf16_operands.h"
#include "core/kernels/linear/small_gemm-inl.h"
#include "core/kernels/linear/small_gemm_bf16.h"
#include "core/kernels/random_words-inl.h"
#include "core/kernels/softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// A head's slice of a position table, expanded to one entry a distance: 2 max_length - 1 entries.
// Borrows the memory of an ExpandedTable (attention.cpp).
struct PositionTable {
  bool present = false;
  const real* columns = nullptr;  // (head_size, entries), transposed: right operand of the scores
  const real* rows = nullptr;     // (entries, depth): right operand of dq and dk, in bf16 of all
  int64_t width = 0;              // pitch of a row of `columns`, at least the number of entries
};

// One (sequence, head): its size and where its rows begin.
struct HeadTask {
  int64_t length, queries;                           // keys; queries, 1 or length
  int64_t first_token, first_query, head, depth;     // depth = round_up(head_size)
  int64_t keys() const { return round_up(length); }  // pitch of a row of scores
};

// Rows of c or t in a block, the n above: whole tiles of the product.
inline int64_t band_rows(const AttentionArgs& args) {
  return args.bf16 ? 2 * kTileRowsBf16 : 5 * kTileRows;
}

// A block of n queries (or keys) from `first` on; its distances to all keys (or queries) are
// `width` = n + others - 1 successive entries of the expanded table.
struct Band {
  int64_t first, n, width;
  int64_t pitch() const { return round_up(width); }
  // The entry of the block's first distance. It is the same in both orders: falling order begins
  // with the distance first + n - 1, rising order with -(first + n - 1).
  int64_t entry(const AttentionArgs& args) const { return args.max_length - first - n; }
};

// Calls body(band) for the blocks of `rows` queries against `others` keys, or the other way round.
template <typename Body>
void for_bands(const AttentionArgs& args, int64_t rows, int64_t others, Body&& body) {
  const int64_t most = band_rows(args);
  for (int64_t first = 0; first < rows; first += most) {
    const int64_t n = std::min(most, rows - first);
    body(Band{first, n, n + others - 1});
  }
}

// Scratch memory of one thread. It grows to the longest sequence seen and is kept.
struct HeadScratch {
  std::vector<real> q, k, v, dy, k_columns, v_columns;  // copies of the head's slices
  // (queries, keys) each: p; g, then ds; p after dropout. Then c or t of one block, and a
  // (rows, depth) result.
  std::vector<real> scores, gradients, dropped, band, out;
  std::vector<uint32_t> words;  // random words of one row of scores

  static real* sized(std::vector<real>& buffer, int64_t size) {
    if (static_cast<int64_t>(buffer.size()) < size) buffer.resize(static_cast<size_t>(size));
    return buffer.data();
  }
};

// A head's slice of rows, a right operand from row `first` on.
struct Rows {
  const real* data;
  int64_t pitch;
  Operand from(int64_t first = 0) const { return {data + first * pitch, pitch, 1}; }
};

// The head's slice of `rows` rows of x (all rows, hidden) from `first` on: a copy (rows, depth) in
// `buffer`, with zeros beyond head_size. In bf16 it is x itself, because the product copies it.
inline Rows gather(const AttentionArgs& args, const HeadTask& task, std::vector<real>& buffer,
                   const real* x, int64_t first, int64_t rows) {
  const int64_t hidden = args.heads * args.head_size, depth = task.depth;
  x += first * hidden + task.head * args.head_size;
  if (args.bf16) return {x, hidden};
  real* out = HeadScratch::sized(buffer, rows * depth);
  for (int64_t row = 0; row < rows; ++row) {
    std::copy_n(x + row * hidden, args.head_size, out + row * depth);
    std::fill(out + row * depth + args.head_size, out + (row + 1) * depth, real(0));
  }
  return {out, depth};
}

// The reverse of gather: writes the head's columns of out (rows, hidden).
inline void scatter(const real* x, int64_t rows, int64_t depth, real* out, int64_t hidden,
                    int64_t head_size) {
  for (int64_t row = 0; row < rows; ++row) {
    std::copy_n(x + row * depth, head_size, out + row * hidden);
  }
}

// Transposes the first `rows` rows of x to (head_size, pitch). Returns the result, which lives in
// `buffer`.
inline real* transpose(std::vector<real>& buffer, const Rows& x, int64_t rows, int64_t head_size,
                       int64_t pitch) {
  real* out = HeadScratch::sized(buffer, head_size * pitch);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < head_size; ++column) {
      out[column * pitch + row] = x.data[row * x.pitch + column];
    }
  }
  return out;
}

// -- Products -------------------------------------------------------------------------------------
// What a left operand holds. In bf16 inputs are rounded, as right operands are; weights,
// probabilities or their gradients, are split into two numbers.
enum class Left : uint8_t { inputs, weights };

struct Sizes {
  int64_t m, n, k;
};

// c (m, n) = a (m, k) b (k, n), or added to c. The strides of b are those that transposed() gives,
// or {pitch, 1}. The duties are small_gemm's.
inline void multiply(const AttentionArgs& args, Left left, const Sizes& of, const Operand& a,
                     const Operand& b, real* c, int64_t ldc, bool accumulate = false) {
  if (args.bf16) {
    return small_gemm_bf16({.m = of.m,
                            .n = of.n,
                            .k = of.k,
                            .a = {a.data, a.row_stride, a.column_stride},
                            .b = {b.data, b.row_stride, b.column_stride},
                            .c = c,
                            .ldc = ldc,
                            .split_a = left == Left::weights,
                            .accumulate = accumulate});
  }
  small_gemm(of.m, of.n, of.k, a, b.data, b.row_stride, c, ldc, accumulate);
}

// The transpose of the first `rows` rows of x, as a right operand. `pitch` is that of the result,
// which lives in `buffer`, if it has to be copied.
inline Operand transposed(const AttentionArgs& args, std::vector<real>& buffer, const Rows& x,
                          int64_t rows, int64_t pitch) {
  if (args.bf16) return {x.data, 1, x.pitch};
  return {transpose(buffer, x, rows, args.head_size, pitch), pitch, 1};
}

// The table's entries from `entry` on, transposed, as a right operand.
inline Operand transposed(const AttentionArgs& args, const PositionTable& table, int64_t entry,
                          int64_t depth) {
  if (args.bf16) return {table.rows + entry * depth, 1, depth};
  return {table.columns + entry, table.width, 1};
}

// Softmax in place. A sequence has at least one key, and masked keys do not exist in a ragged
// batch, so the sum is at least 1.
inline void softmax_row(real* x, int64_t n) {
  const real sum = exp_and_sum(x, max_of(x, n), x, n);
  scale_row(1 / sum, x, n);
}

struct QueriesAndKeys {
  Rows q, k;
};

// Fills scratch.scores (queries, keys) with the probabilities before dropout.
inline QueriesAndKeys head_probabilities(const AttentionArgs& args, const HeadTask& task,
                                         const PositionTable& key_table,
                                         const PositionTable& query_table, HeadScratch& scratch) {
  const int64_t length = task.length, queries = task.queries, pitch = task.keys();
  const Rows q = gather(args, task, scratch.q, args.q, task.first_query, queries);
  const Rows k = gather(args, task, scratch.k, args.k, task.first_token, length);
  real* scores = HeadScratch::sized(scratch.scores, queries * pitch);
  multiply(args, Left::inputs, {queries, length, args.head_size}, q.from(),
           transposed(args, scratch.k_columns, k, length, pitch), scores, pitch);
  if (key_table.present) {
    for_bands(args, queries, length, [&](const Band& band) {
      real* c = HeadScratch::sized(scratch.band, band.n * band.pitch());
      multiply(args, Left::inputs, {band.n, band.width, args.head_size}, q.from(band.first),
               transposed(args, key_table, band.entry(args), task.depth), c, band.pitch());
      for (int64_t i = 0; i < band.n; ++i) {
        const real* source = c + i * band.pitch() + band.n - 1 - i;
        real* row = scores + (band.first + i) * pitch;
        for (int64_t j = 0; j < length; ++j) row[j] += source[j];
      }
    });
  }
  if (query_table.present) {
    for_bands(args, length, queries, [&](const Band& band) {
      real* t = HeadScratch::sized(scratch.band, band.n * band.pitch());
      multiply(args, Left::inputs, {band.n, band.width, args.head_size}, k.from(band.first),
               transposed(args, query_table, band.entry(args), task.depth), t, band.pitch());
      // Along j the wanted elements of t lie one row down and one column to the left.
      for (int64_t i = 0; i < queries; ++i) {
        const real* source = t + i + band.n - 1;
        real* row = scores + i * pitch + band.first;
        for (int64_t j = 0; j < band.n; ++j) row[j] += source[j * (band.pitch() - 1)];
      }
    });
  }
  for (int64_t i = 0; i < queries; ++i) {
    real* row = scores + i * pitch;
    for (int64_t j = 0; j < length; ++j) row[j] *= args.scale;
    softmax_row(row, length);
  }
  return {q, k};
}

// The random words that decide which probabilities of a query's row are kept (attention.h).
inline const uint32_t* row_words(const AttentionArgs& args, const HeadTask& task, int64_t query,
                                 HeadScratch& scratch) {
  if (static_cast<int64_t>(scratch.words.size()) < task.keys()) {
    scratch.words.resize(static_cast<size_t>(task.keys()));
  }
  const auto row = static_cast<uint64_t>((task.first_token + query) * args.heads + task.head);
  random_words(args.stream, row << kAttentionRowBits, task.length, scratch.words.data());
  return scratch.words.data();
}

// x_j / (1 - p) if word j keeps it, else 0.
inline void drop(const AttentionArgs& args, const uint32_t* words, real* x, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    x[j] = words[j] >= args.drop_threshold ? x[j] * args.keep_scale : real(0);
  }
}

// Writes the head's columns of y, and the probabilities before dropout to `probabilities`
// (queries, length) unless it is null.
inline void head_forward(const AttentionArgs& args, const HeadTask& task,
                         const PositionTable& key_table, const PositionTable& query_table,
                         real* probabilities, HeadScratch& scratch) {
  head_probabilities(args, task, key_table, query_table, scratch);
  const int64_t hidden = args.heads * args.head_size, column = task.head * args.head_size;
  const int64_t pitch = task.keys();
  real* scores = scratch.scores.data();
  for (int64_t i = 0; i < task.queries; ++i) {
    if (probabilities) {
      std::copy_n(scores + i * pitch, task.length, probabilities + i * task.length);
    }
    if (args.drop_threshold) {
      drop(args, row_words(args, task, i, scratch), scores + i * pitch, task.length);
    }
  }
  const Rows v = gather(args, task, scratch.v, args.v, task.first_token, task.length);
  real* out = HeadScratch::sized(scratch.out, task.queries * task.depth);
  multiply(args, Left::weights, {task.queries, args.head_size, task.length}, {scores, pitch, 1},
           v.from(), out, task.depth);
  scatter(out, task.queries, task.depth, args.y + task.first_query * hidden + column, hidden,
          args.head_size);
}

// Writes the head's columns of dq, dk and dv. Adds the tables' gradients to dkey and dquery
// (entries, depth), in the order of the expanded tables; null if not wanted. With p the
// probabilities, m the dropout mask (0 or 1 / (1 - rate)) and n = sum over j of p g:
//   g  = m * (dy v^T)       ds = scale * p * (g - n)
//   dv = (m * p)^T dy       dq = ds k + band of ds times pk       dk = ds^T q + band of ds times pq
inline void head_backward(const AttentionBackwardArgs& args, const HeadTask& task,
                          const PositionTable& key_table, const PositionTable& query_table,
                          real* dkey, real* dquery, HeadScratch& scratch) {
  const AttentionArgs& forward = args.forward;
  const QueriesAndKeys rows = head_probabilities(forward, task, key_table, query_table, scratch);
  const Rows &q = rows.q, &k = rows.k;
  const int64_t head_size = forward.head_size, depth = task.depth;
  const int64_t hidden = forward.heads * head_size, column = task.head * head_size;
  const int64_t length = task.length, queries = task.queries, pitch = task.keys();
  const int64_t query_place = task.first_query * hidden + column;
  const int64_t key_place = task.first_token * hidden + column;
  const Rows v = gather(forward, task, scratch.v, forward.v, task.first_token, length);
  const Rows dy = gather(forward, task, scratch.dy, args.dy, task.first_query, queries);
  real* p = scratch.scores.data();
  real* g = HeadScratch::sized(scratch.gradients, queries * pitch);
  // g is dy v^T here: the gradient of the probabilities after dropout. The loop below turns it into
  // ds.
  multiply(forward, Left::inputs, {queries, length, head_size}, dy.from(),
           transposed(forward, scratch.v_columns, v, length, pitch), g, pitch);
  const bool drops = forward.drop_threshold != 0;
  real* dropped = drops ? HeadScratch::sized(scratch.dropped, queries * pitch) : p;
  for (int64_t i = 0; i < queries; ++i) {
    real* p_row = p + i * pitch;
    real* g_row = g + i * pitch;
    if (drops) {
      std::copy_n(p_row, length, dropped + i * pitch);
      const uint32_t* words = row_words(forward, task, i, scratch);
      drop(forward, words, dropped + i * pitch, length);
      drop(forward, words, g_row, length);
    }
    // n is the mean of g weighted by p. Dividing by the sum of p, which is 1 but for rounding,
    // keeps the sum of a row of ds at 0. Otherwise the gradient of the key's bias, exactly 0 in
    // plain attention, would be rounding noise.
    double weighted = 0, total = 0;
#pragma omp simd reduction(+ : weighted, total)
    for (int64_t j = 0; j < length; ++j) {
      weighted += static_cast<double>(p_row[j]) * g_row[j];
      total += p_row[j];
    }
    const auto dot = static_cast<real>(weighted / total);
    for (int64_t j = 0; j < length; ++j) g_row[j] = forward.scale * p_row[j] * (g_row[j] - dot);
  }
  real* out = HeadScratch::sized(scratch.out, std::max(queries, length) * depth);
  multiply(forward, Left::weights, {length, head_size, queries}, {dropped, 1, pitch}, dy.from(),
           out, depth);
  scatter(out, length, depth, args.dv + key_place, hidden, head_size);

  multiply(forward, Left::weights, {queries, head_size, length}, {g, pitch, 1}, k.from(), out,
           depth);
  if (key_table.present) {
    for_bands(forward, queries, length, [&](const Band& band) {
      real* c = HeadScratch::sized(scratch.band, band.n * band.pitch());
      std::fill_n(c, band.n * band.pitch(), real(0));
      for (int64_t i = 0; i < band.n; ++i) {
        std::copy_n(g + (band.first + i) * pitch, length, c + i * band.pitch() + band.n - 1 - i);
      }
      const int64_t entry = band.entry(forward) * depth, row = band.first * depth;
      multiply(forward, Left::weights, {band.n, head_size, band.width}, {c, band.pitch(), 1},
               {key_table.rows + entry, depth, 1}, out + row, depth, true);
      if (dkey) {
        multiply(forward, Left::weights, {band.width, head_size, band.n}, {c, 1, band.pitch()},
                 q.from(band.first), dkey + entry, depth, true);
      }
    });
  }
  scatter(out, queries, depth, args.dq + query_place, hidden, head_size);

  multiply(forward, Left::weights, {length, head_size, queries}, {g, 1, pitch}, q.from(), out,
           depth);
  if (query_table.present) {
    for_bands(forward, length, queries, [&](const Band& band) {
      real* t = HeadScratch::sized(scratch.band, band.n * band.pitch());
      std::fill_n(t, band.n * band.pitch(), real(0));
      for (int64_t i = 0; i < queries; ++i) {
        real* place = t + i + band.n - 1;
        const real* source = g + i * pitch + band.first;
        for (int64_t j = 0; j < band.n; ++j) place[j * (band.pitch() - 1)] = source[j];
      }
      const int64_t entry = band.entry(forward) * depth, row = band.first * depth;
      multiply(forward, Left::weights, {band.n, head_size, band.width}, {t, band.pitch(), 1},
               {query_table.rows + entry, depth, 1}, out + row, depth, true);
      if (dquery) {
        multiply(forward, Left::weights, {band.width, head_size, band.n}, {t, 1, band.pitch()},
                 k.from(band.first), dquery + entry, depth, true);
      }
    });
  }
  scatter(out, length, depth, args.dk + key_place, hidden, head_size);
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

// SPDX-License-Identifier: Apache-2.0
