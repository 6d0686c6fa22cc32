// Multi-head attention within each sequence of a ragged batch, plain or disentangled (He et al.,
// "DeBERTa: decoding-enhanced BERT with disentangled attention", 2021, section 3.1). For query i
// and key j of one sequence and head:
//   r           = distance_row[i - j + max_length - 1]
//   score(i, j) = scale * (q_i . k_j + q_i . pk[r] + k_j . pq[r])
//   p(i, j)     = exp(score(i, j)) / sum over j' of exp(score(i, j'))
//   y_i         = sum over j of dropout(p(i, j)) v_j
// pk is position_key (c2p in the paper), pq is position_query (p2c). A null table drops its term.
//
// Dropout keeps (i, j) of a head if this random word of the stream is at least drop_threshold:
//   word number ((token of i) * heads + head) * 2^20 + j
// The mask depends on the position alone, so backward draws it again and no thread count changes
// it.
//
// Tokens past the last sequence are idle: they fill a batch up to the size of a captured graph.
// Their rows of y, dq, dk and dv are set to zeros.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"
#include "core/rng.h"

namespace soragrad::kernels {

// log2 of the random words set aside for one row of scores. No sequence may be longer than 2^20.
constexpr int kAttentionRowBits = 20;

struct AttentionArgs {
  const real* q;                // (queries, hidden), hidden = heads * head_size
  const real* k;                // (tokens, hidden)
  const real* v;                // (tokens, hidden)
  const real* position_key;     // (positions, hidden) or null
  const real* position_query;   // (positions, hidden) or null
  const int64_t* offsets;       // (sequences + 1): where each sequence begins
  const int32_t* distance_row;  // (2 max_length - 1), non-decreasing; null if both tables are null
  real* y;                      // (queries, hidden)
  // Null, or the probabilities before dropout, flat: for each sequence a block (heads, query, key).
  real* probabilities;
  // (queries, heads): log of the sum over j of exp(score). CUDA's backward reads it; the CPU does
  // not use it. Null if no backward follows.
  real* log_sum;
  int64_t tokens, sequences, heads, head_size, max_length, positions;
  real scale;
  uint32_t drop_threshold;  // 0: no dropout
  real keep_scale;          // 1 / (1 - p)
  RandomStream stream;
  bool first_query_only;  // one query a sequence, its first token: queries = sequences
  bool bf16;              // multiply in bf16; only if attention_takes_bf16()
  int64_t pairs;          // (query, key) pairs of all sequences, of one head; read by cost() alone
};
// True if this device's kernels multiply in bf16 themselves: a GPU's, if head_size is a multiple of
// 4 and at most 128, and those of a CPU that has AMX. They round q, k, v, the position tables and
// dy to bf16, and sum in fp32. Probabilities and their gradients are each split into two bf16
// parts, which keeps them to 2^-17. If false, the caller rounds the same operands and gets the same
// numbers to within those 2^-17.
bool attention_takes_bf16(Device device, int64_t head_size);
// Cost model. `pairs`: matrix products per (query, key) pair. `distances`: matrix products per
// position table and (row, distance) pair; a sequence of L tokens has L (2L - 1) of these.
// `times`: how often q, k, v, y and the tables cross memory.
inline Cost attention_cost(const AttentionArgs& args, int64_t pairs, int64_t distances, int times) {
  const int tables = (args.position_key != nullptr) + (args.position_query != nullptr);
  const int64_t hidden = args.heads * args.head_size;
  const int64_t in_use = args.first_query_only ? args.pairs : 2 * args.pairs - args.tokens;
  const int64_t queries = args.first_query_only ? args.sequences : args.tokens;
  const int64_t rows = 2 * queries + 2 * args.tokens + tables * args.positions;
  return {2.0 * static_cast<double>(hidden * (pairs * args.pairs + distances * tables * in_use)),
          traffic(rows * hidden * times).bytes};
}
// Two products per pair: q k^T and p v.
inline Cost cost(const AttentionArgs& args) {
  return attention_cost(args, 2, 1, 1);
}
SORAGRAD_KERNEL(attention, AttentionArgs);

// Gradients of the inputs. All outputs are overwritten, none is added to. Forward must have run
// with the same arguments: the scores are computed again from them instead of being kept.
struct AttentionBackwardArgs {
  AttentionArgs forward;  // probabilities are not read; CUDA alone reads y and log_sum
  const real* dy;         // (queries, hidden)
  real* dq;               // (queries, hidden)
  real* dk;               // (tokens, hidden)
  real* dv;               // (tokens, hidden)
  real* dposition_key;    // (positions, hidden); null if not wanted
  real* dposition_query;  // (positions, hidden); null if not wanted
  // CUDA: where sums by distance are left, of which the caller makes the tables' gradients later
  // (fold_distances.h). Null: the kernel makes them.
  real* distance_sums = nullptr;
};
// Five products per pair (q k^T again; dy v^T; dq, dk, dv), three per table and distance (the
// scores' term again and two gradients), and every array crosses memory twice.
inline Cost cost(const AttentionBackwardArgs& args) {
  return attention_cost(args.forward, 5, 3, 2);
}
SORAGRAD_KERNEL(attention_backward, AttentionBackwardArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
