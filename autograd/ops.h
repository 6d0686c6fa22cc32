// Every differentiable op, with its shapes. Read this file first; the definitions are in ops/*.cpp
// by family, the arithmetic in core/kernels/*.cpp and *.cu.
//
// Activations are ragged: (tokens, hidden), the tokens of all sequences one after another, with
// `offsets` (sequences + 1) saying where each begins. Nothing is padded. All ops throw Error with
// the op's name and both shapes where arguments do not fit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "autograd/graph.h"
#include "autograd/variable.h"
#include "core/packed_matrix.h"
#include "core/rng.h"

namespace soragrad {

// -- Elementwise (ops/elementwise.cpp) ------------------------------------------------------------
Variable gelu(const Variable& x);      // x/2 (1 + erf(x / sqrt 2)): Hugging Face's "gelu"
Variable gelu_new(const Variable& x);  // tanh approximation: Hugging Face's "gelu_new"
Variable relu(const Variable& x);
Variable tanh(const Variable& x);
Variable add(const Variable& a, const Variable& b);  // equal shapes
Variable mul(const Variable& a, const Variable& b);  // equal shapes
Variable scale(const Variable& x, real factor);
// Inverted dropout: zero with probability p, else x / (1 - p). The mask is a function of the
// stream and the element's index and is drawn again in backward. p = 0 returns x.
Variable dropout(const Variable& x, double p, const RandomStream& stream);
// to += from, outside the graph.
void add_inplace(const Tensor& to, const Tensor& from);

// -- Linear algebra (ops/linear.cpp) --------------------------------------------------------------
// y = x weight^T + bias: x (rows, in), weight (out, in), bias (out) or undefined -> (rows, out).
// `packed` holds the frozen weight in the layouts of the GEMM library; null packs on the spot.
Variable linear(const Variable& x, const Variable& weight, const Variable& bias,
                const std::shared_ptr<PackedMatrix>& packed = nullptr);
// a (m, k) b (k, n) -> (m, n); a flag says that an operand is stored transposed.
Variable matmul(const Variable& a, const Variable& b, bool transpose_a = false,
                bool transpose_b = false);
// A low-rank delta beside a Linear: y + factor * ((x a^T) * gate) b^T.
// y (rows, out), x (rows, in), a (rank, in), b (out, rank), gate (rank elements) or undefined
// -> (rows, out). Given the only handle to y (moved in), it adds in place.
Variable low_rank_delta(Variable y, const Variable& x, const Variable& a, const Variable& b,
                        const Variable& gate, real factor);

// -- Normalisation (ops/norm.cpp) -----------------------------------------------------------------
// Rows of x (rows, hidden) to mean 0 and variance 1 (biased), then * weight + bias, both (hidden).
Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps);
// layer_norm(dropout(x, p, stream) + residual), fused.
Variable residual_layer_norm(const Variable& x, const Variable& residual, const Variable& weight,
                             const Variable& bias, double eps, double p,
                             const RandomStream& stream);
Variable softmax(const Variable& x);  // over the last axis

// -- Rows and tables (ops/rows.cpp) ---------------------------------------------------------------
// Rows ids (n), I64, of table (rows, hidden) -> (n, hidden). padding_idx (-1: none) gets no
// gradient.
Variable embedding(const Tensor& ids, const Variable& table, int64_t padding_idx = -1);
// Rows index (n), I64, of x (rows, hidden); no index occurs twice.
Variable select_rows(const Variable& x, const Tensor& index);
Variable slice_rows(const Variable& x, int64_t begin, int64_t end);  // rows [begin, end)

// -- Attention (ops/attention.cpp) ----------------------------------------------------------------
// What attention needs to know of a batch. Built by models/, shared by all layers.
struct AttentionLayout {
  Tensor offsets;                     // I64 (sequences + 1), on the device
  std::vector<int64_t> host_offsets;  // the same on the host
  int64_t max_length = 0;             // no sequence has more tokens
  // Rows of k and v, and of q where every token asks, past the last sequence. They belong to none:
  // their results and gradients are zeros. Every op over rows then gives the others the same bits
  // as without them, as they come last and add zeros.
  int64_t idle_tokens = 0;
  // Relative positions: the row of the position tables for distance query - key = d is
  // distance_row[d + max_length - 1], d in (-max_length, max_length); I32 (2 max_length - 1).
  // Non-decreasing. Undefined where attention has no position terms.
  Tensor distance_row;
};

struct AttentionOptions {
  int64_t heads = 1;
  real scale = 1;                 // scores are multiplied by it: 1 / sqrt(head_size * terms)
  double dropout = 0;             // of the probabilities
  RandomStream stream;            // element (sequence, head, query, key) -> the same bits always
  bool first_query_only = false;  // q holds one row a sequence: its first token's query
  Precision precision = Precision::fp32;  // bf16: q, k, v, the tables and dy are rounded to it;
                                          // sums, softmax and probabilities stay fp32
  Tensor* probabilities = nullptr;  // if set: receives them, flat, sequence by sequence (heads,
                                    // query, key), before dropout
};

// Multi-head attention within each sequence; with position tables DeBERTa's disentangled attention:
//   score(i, j) = scale * (q_i.k_j + q_i.position_key[r] + k_j.position_query[r]),
//   r = distance_row(i - j); y_i = sum_j dropout(softmax_j(score)) v_j
// (He et al., "DeBERTa", 2021, section 3.1; both terms use the same r). q (queries, hidden),
// k, v (tokens, hidden), position_key (c2p) and position_query (p2c): (positions, hidden) or
// undefined, each on its own. hidden = heads * head_size. -> (queries, hidden).
Variable attention(const Variable& q, const Variable& k, const Variable& v,
                   const Variable& position_key, const Variable& position_query,
                   const AttentionLayout& layout, const AttentionOptions& options);

// -- Losses and regularizers (ops/loss.cpp) -------------------------------------------------------
// Mean over rows of -log softmax(logits)[label]: logits (rows, classes), labels I64 (rows) -> ().
Variable cross_entropy(const Variable& logits, const Tensor& labels);
// Mean squared difference: predictions (rows, 1) or (rows), targets (rows) of reals -> ().
Variable mse(const Variable& predictions, const Tensor& targets);
Variable sum(const Variable& x);  // of all elements -> ()
// factor * mean of |x| over all elements of all parts -> (). The gradient at 0 is 0.
Variable mean_abs(std::span<const Variable> parts, real factor);
// factor * mean Frobenius norm of (A A^T - I) over all A (rank, in) of `rows` and of (B^T B - I)
// over all B (out, rank) of `columns`: AdaLoRA's regularizer -> ().
Variable orthogonality(std::span<const Variable> rows, std::span<const Variable> columns,
                       real factor);

}  // namespace soragrad
