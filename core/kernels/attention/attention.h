// Multi-head attention within each sequence of a ragged batch, plain or disentangled (He et al.,
// "DeBERTa: decoding-enhanced BERT with disentangled attention", 2021):
//   score(i, j) = scale * (q_i.k_j + q_i.pk[r] + k_j.pq[r]),  r = distance_row[i - j + max_length -
//   1] p = softmax_j(score),  y_i = sum_j dropout(p)(i, j) v_j
//
// Dropout keeps (query i, key j) of a head where random word
//   ((token of i) * heads + head) * 2^20 + j
// of the stream is at least drop_threshold, so the mask depends on nothing but the place.
//
// Tokens past the last sequence are idle: their rows of y, dq, dk and dv are zeros.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"
#include "core/rng.h"

namespace soragrad::kernels {

constexpr int kAttentionRowBits = 20;  // log2 of the random words set aside for a row of scores

struct AttentionArgs {
  const real* q;                // (queries, hidden), hidden = heads * head_size
  const real* k;                // (tokens, hidden)
  const real* v;                // (tokens, hidden)
  const real* position_key;     // (positions, hidden) or null
  const real* position_query;   // (positions, hidden) or null
  const int64_t* offsets;       // (sequences + 1)
  const int32_t* distance_row;  // (2 max_length - 1); null where both tables are
  real* y;                      // (queries, hidden)
  real* probabilities;          // null, or flat: a sequence after another (heads, query, key)
  real* log_sum;                // (queries, heads): log sum_j exp(score), which CUDA's backward
                                // reads; null where there is none. The CPU does not use it
  int64_t tokens, sequences, heads, head_size, max_length, positions;
  real scale;
  uint32_t drop_threshold;  // 0: no dropout
  real keep_scale;          // 1 / (1 - p)
  RandomStream stream;
  bool first_query_only;  // queries = sequences: each the first token of its sequence
  bool bf16;              // CUDA, where attention_takes_bf16(): see there
  int64_t pairs;          // of a query and a key, over all sequences: for cost() alone
};
// Whether attention multiplies in bf16 by itself: on tensor cores, with q, k, v, the position
// tables and dy rounded to bf16, and with fp32 sums. Probabilities and their gradients are operands
// of two bf16 parts each. Elsewhere the caller rounds the same operands, which gives the same
// numbers to the 2^-17 of these parts.
inline bool attention_takes_bf16(Device device, int64_t head_size) {
  return device == Device::cuda && head_size <= 128;
}
// So many products of every pair, and for each position table of every distance in use; reading or
// writing q, y, k, v and the tables so many times.
inline Cost attention_cost(const AttentionArgs& args, int64_t pairs, int64_t distances, int times) {
  const int tables = (args.position_key != nullptr) + (args.position_query != nullptr);
  const int64_t hidden = args.heads * args.head_size;
  const int64_t in_use = args.first_query_only ? args.pairs : 2 * args.pairs - args.tokens;
  const int64_t queries = args.first_query_only ? args.sequences : args.tokens;
  const int64_t rows = 2 * queries + 2 * args.tokens + tables * args.positions;
  return {2.0 * static_cast<double>(hidden * (pairs * args.pairs + distances * tables * in_use)),
          traffic(rows * hidden * times).bytes};
}
inline Cost cost(const AttentionArgs& args) {
  return attention_cost(args, 2, 1, 1);
}
SORAGRAD_KERNEL(attention, AttentionArgs);

struct AttentionBackwardArgs {
  AttentionArgs forward;  // probabilities are not read; y and log_sum by CUDA alone
  const real* dy;         // (queries, hidden)
  real* dq;               // all gradients are overwritten
  real* dk;
  real* dv;
  real* dposition_key;  // null where not wanted
  real* dposition_query;
};
// Each product has two gradients; q k and the tables' products are computed again.
inline Cost cost(const AttentionBackwardArgs& args) {
  return attention_cost(args.forward, 5, 3, 2);
}
SORAGRAD_KERNEL(attention_backward, AttentionBackwardArgs);

}  // namespace soragrad::kernels
