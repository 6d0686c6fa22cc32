// Every differentiable op, with its shapes. Read this file first. The definitions are in ops/*.cpp
// by family, the arithmetic in core/kernels/*.
//
// Activations are ragged: (tokens, hidden), the tokens of all sequences one after another.
// `offsets` (sequences + 1) holds where each sequence begins. Nothing is padded.
//
// All tensors of an op must be on one device; the result is there, too. An op whose arguments do
// not fit throws Error with the op's name and both shapes. Results are new tensors and inputs are
// not written, unless the comment says otherwise. "-> ()" is a scalar.
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
Variable relu(const Variable& x);      // max(x, 0), NaN stays; the derivative at 0 is 0
Variable tanh(const Variable& x);
Variable add(const Variable& a, const Variable& b);  // equal shapes
Variable mul(const Variable& a, const Variable& b);  // equal shapes
Variable scale(const Variable& x, real factor);
// Inverted dropout: each element is 0 with probability p, else x / (1 - p). The mask is a function
// of the stream and the element's index; backward draws it again. p is in [0, 1); p = 0 returns x.
Variable dropout(const Variable& x, double p, const RandomStream& stream);
// to += from, in place and outside the graph; equal shapes.
void add_inplace(const Tensor& to, const Tensor& from);

// -- Linear algebra (ops/linear.cpp) --------------------------------------------------------------
// y = x weight^T + bias (torch.nn.functional.linear): x (rows, in), weight (out, in), bias (out
// elements) or undefined -> (rows, out). `packed` holds the same weight, packed for the GEMM; it
// serves many calls with a frozen weight. Null packs for this call alone. Throws for the pack of
// another weight.
Variable linear(const Variable& x, const Variable& weight, const Variable& bias,
                const std::shared_ptr<PackedMatrix>& packed = nullptr);
// The two products around a GELU. In bf16 on a GPU cuDNN has each with the GELU in one kernel
// (core/packed_matrix.h); elsewhere, and with the same results, they are linear() and gelu().
struct Activated {
  Variable y;
  Variable gelu_of;  // y = gelu(gelu_of); undefined: y is any Variable
};
// gelu(linear(x, weight, bias, packed)).
Activated linear_gelu(const Variable& x, const Variable& weight, const Variable& bias,
                      const std::shared_ptr<PackedMatrix>& packed = nullptr);
// linear(x.y, weight, bias, packed). Backward multiplies by the GELU's derivative and adds to the
// gradient of gelu_of, past the op gelu. Without `with_value` the result holds zeros: for a graph
// that is built for its gradients alone.
Variable linear(const Activated& x, const Variable& weight, const Variable& bias,
                const std::shared_ptr<PackedMatrix>& packed = nullptr, bool with_value = true);
// linear(gelu(linear(x, first)), second). In bf16 on a CPU that has such instructions it is one
// kernel, which keeps of what is between the two only what backward reads
// (core/kernels/feed_forward/feed_forward_bf16.h). Elsewhere it is the ops that it is made of. The
// bits are the same, but for the gradient of the first bias, whose rows are added in another order.
struct LinearWeights {
  const Variable &weight, &bias;
  const std::shared_ptr<PackedMatrix>& packed;  // as of linear()
};
Variable feed_forward(const Variable& x, const LinearWeights& first, const LinearWeights& second,
                      bool with_value = true);
// op(a) (m, k) op(b) (k, n) -> (m, n). With a flag the operand is stored transposed: a (k, m), or
// b (n, k).
Variable matmul(const Variable& a, const Variable& b, bool transpose_a = false,
                bool transpose_b = false);
// A low-rank delta beside a Linear: y + factor * ((x a^T) * gate) b^T.
// y (rows, out), x (rows, in), a (rank, in), b (out, rank), gate (rank elements) or undefined
// -> (rows, out). Given the only handle to y (moved in), it adds in place.
Variable low_rank_delta(Variable y, const Variable& x, const Variable& a, const Variable& b,
                        const Variable& gate, real factor);

// -- Normalisation (ops/norm.cpp) -----------------------------------------------------------------
// Each row of x (rows, hidden) is brought to mean 0 and variance 1 (biased, eps added to it), then
// multiplied by weight (hidden) and shifted by bias (hidden) (torch.nn.functional.layer_norm).
Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps);
// What the gradient of a norm reads. Undefined until an op has filled it.
struct NormState {
  Tensor normalised = {};  // (rows, hidden), before weight and bias
  Tensor rstd = {};        // (rows), 1 / sqrt(variance + eps)
};
struct DeltaProduct;  // autograd/joint_ops.h
struct NormLinks {
  // How checkpoint() avoids work. First run: point it at an empty NormState; the norm saves in it
  // what its gradient needs. Second run: give the filled one; the norm then computes nothing, its
  // result holds zeros that nobody may read, and only its backward is recorded.
  NormState* state = nullptr;
  // The product that gets the result, for which the norm's kernel prepares it: see
  // Variable::operand(). On a GPU alone.
  const DeltaProduct* next = nullptr;
};
// dropout(layer_norm(x), p, stream) in one kernel. `next` is as above.
Variable dropped_layer_norm(const Variable& x, const Variable& weight, const Variable& bias,
                            double eps, double p, const RandomStream& stream,
                            const DeltaProduct* next = nullptr);
// The same of rows of a table, as embedding() picks them: the kernel reads them from the table.
struct TableRows {
  const Tensor& ids;
  const Variable& table;
  int64_t padding_idx = -1;
};
Variable dropped_layer_norm(const TableRows& x, const Variable& weight, const Variable& bias,
                            double eps, double p, const RandomStream& stream,
                            const DeltaProduct* next = nullptr);
// layer_norm(dropout(x, p, stream) + residual) in one kernel; x and residual have equal shapes.
Variable residual_layer_norm(const Variable& x, const Variable& residual, const Variable& weight,
                             const Variable& bias, double eps, double p, const RandomStream& stream,
                             const NormLinks& links = {});
Variable softmax(const Variable& x);  // over the last axis; a row of -inf gives zeros

// -- Rows and tables (ops/rows.cpp) ---------------------------------------------------------------
// Rows `ids` (n), I64, of table (rows, hidden) -> (n, hidden) (torch.nn.functional.embedding). The
// row padding_idx gets no gradient (-1: none). Ids are checked on the CPU; on a GPU they must be in
// range, which is the data reader's duty.
Variable embedding(const Tensor& ids, const Variable& table, int64_t padding_idx = -1);
// Rows `index` (n), I64, of x (rows, hidden) -> (n, hidden). Checked as embedding's ids are.
Variable select_rows(const Variable& x, const Tensor& index);
// Rows [begin, end) of the first axis, sharing the elements of x.
Variable slice_rows(const Variable& x, int64_t begin, int64_t end);

// -- Attention (ops/attention.cpp) ----------------------------------------------------------------
// How the tokens of a batch are divided into sequences. Built by models/, shared by all layers.
struct AttentionLayout {
  Tensor offsets = {};                     // I64 (sequences + 1), on the device
  std::vector<int64_t> host_offsets = {};  // the same on the host: from 0 on, no sequence is empty
  int64_t max_length = 0;                  // no sequence has more tokens
  // Rows of q, k and v past the last sequence (of k and v alone with first_query_only). They fill a
  // batch up to the size of a captured graph. Their results and gradients are zeros; as they come
  // last, they change no bit of the other rows.
  int64_t idle_tokens = 0;
  // Relative positions, I32 (2 max_length - 1): the row of the position tables for the distance
  // d = query - key is distance_row[d + max_length - 1]. Non-decreasing. Undefined if attention has
  // no position terms. On the CPU attention() checks offsets and rows; on a GPU that is the duty
  // of who makes them.
  Tensor distance_row = {};
};

struct AttentionOptions {
  int64_t heads = 1;
  real scale = 1;                 // factor of the scores: 1 / sqrt(head_size * number of terms)
  double dropout = 0;             // probability of dropping a probability, in [0, 1)
  RandomStream stream = {};       // dropout's; the mask depends on token, head and key alone
  bool first_query_only = false;  // q has one row a sequence: the query of its first token
  // bf16 rounds q, k, v, the tables and dy to bf16. Sums and softmax stay fp32, and
  // probabilities keep 2^-17 of themselves.
  Precision precision = Precision::fp32;
  // If set, receives the probabilities before dropout, flat: for each sequence (heads, query, key).
  Tensor* probabilities = nullptr;
  // The product that gets the result, as in NormLinks.
  const DeltaProduct* next = nullptr;
};

// Multi-head attention within each sequence; with position tables DeBERTa's disentangled attention
// (He et al., "DeBERTa", 2021, section 3.1). For query i and key j of a sequence, in each head:
//   r           = distance_row[i - j + max_length - 1]
//   score(i, j) = scale * (q_i . k_j + q_i . position_key[r] + k_j . position_query[r])
//   y_i         = sum over j of dropout(softmax over j of score(i, j)) v_j
// q (queries, hidden), k and v (tokens, hidden), hidden = heads * head_size. position_key (c2p) and
// position_query (p2c) are (positions, hidden) or undefined, each independently.
// -> (queries, hidden). Nothing of size length^2 is kept for backward.
Variable attention(const Variable& q, const Variable& k, const Variable& v,
                   const Variable& position_key, const Variable& position_query,
                   const AttentionLayout& layout, const AttentionOptions& options);

// -- Losses and regularizers (ops/loss.cpp) -------------------------------------------------------
// Mean over rows of -log softmax(logits)[label]: logits (rows, classes), labels I64 (rows) -> ()
// (torch.nn.functional.cross_entropy). On the CPU a label outside of the classes throws.
// If nobody else holds the logits when backward() runs, their gradient takes their memory.
Variable cross_entropy(const Variable& logits, const Tensor& labels);
// Mean squared difference: predictions (rows, 1) or (rows), targets (rows) of reals -> ()
// (torch.nn.functional.mse_loss).
Variable mse(const Variable& predictions, const Tensor& targets);
// The same with rows that count differently: sum of share * (the row's loss), with shares (rows) of
// reals that add up to 1, or all are 0. `smoothing` s in [0, 1]: the row's loss is
// (1 - s) * -log p[label] + s * mean over classes of -log p.
Variable weighted_cross_entropy(const Variable& logits, const Tensor& labels, const Tensor& shares,
                                real smoothing);
// Several classes at once: the mean over classes of -log sigmoid(logit) where the target is 1, and
// of -log(1 - sigmoid(logit)) where it is 0. logits and targets (rows, classes), shares (rows).
Variable weighted_binary_cross_entropy(const Variable& logits, const Tensor& targets,
                                       const Tensor& shares);
// predictions (rows, 1), targets (rows) or (rows, 1), shares (rows).
Variable weighted_mse(const Variable& predictions, const Tensor& targets, const Tensor& shares);
Variable sum(const Variable& x);  // of all elements -> ()
// factor * mean of |x| over all elements of all parts -> (): SoRA's regularizer of its gates. The
// gradient at 0 is 0.
Variable mean_abs(std::span<const Variable> parts, real factor);
// factor * mean, over all matrices, of the Frobenius norm of A A^T - I for each A (rank, in) of
// `rows` and of B^T B - I for each B (out, rank) of `columns` -> (): AdaLoRA's regularizer as its
// released code and peft compute it (the paper's equation 4 squares the norm).
Variable orthogonality(std::span<const Variable> rows, std::span<const Variable> columns,
                       real factor);

// -- Pre-training (ops/pretraining.cpp) -----------------------------------------------------------
// Mean over n of the binary cross-entropy of sigmoid(logits): logits (n) or (n, 1), targets (n)
// reals from 0 to 1 -> (). If set, hits receives the number of elements, () real, of which
// (logit > 0) equals (target > 1/2).
Variable binary_cross_entropy(const Variable& logits, const Tensor& targets,
                              Tensor* hits = nullptr);
// x_i + x_f(i), f(i) the first token of the sequence of token i: x (tokens, hidden) -> the same
// shape. Idle rows become zeros.
Variable add_first_token(const Variable& x, const AttentionLayout& layout);
// Outside the graph: a token from softmax(logits) for each row, logits (rows, vocabulary) ->
// I64 (rows). The same tokens for the same logits on both devices and any number of threads.
Tensor sample_tokens(const Tensor& logits, const RandomStream& stream);
// Outside the graph: the number of rows, () real, in which no logit exceeds the label's. labels
// I64 (rows), checked as cross_entropy's are.
Tensor label_hits(const Tensor& logits, const Tensor& labels);
// Outside the graph: ids (tokens) with samples (n) at positions (n), all I64, and for each token
// whether it was replaced by another than its label (n): 1 or 0, reals. On the CPU a position
// outside of the tokens throws.
struct ReplacedTokens {
  Tensor ids;      // I64 (tokens)
  Tensor targets;  // reals (tokens)
};
ReplacedTokens replace_tokens(const Tensor& ids, const Tensor& positions, const Tensor& samples,
                              const Tensor& labels);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
