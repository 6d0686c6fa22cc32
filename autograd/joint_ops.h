// Ops on Linears of one input that run as one product together with their low-rank deltas, and on
// their results, which lie one below another. A GPU has them in bf16 (core/delta_matrix.h); callers
// take linear, low_rank_delta and attention of ops.h elsewhere. Results are the same within
// rounding.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "autograd/ops.h"

namespace soragrad {

class DeltaMatrix;  // core/delta_matrix.h

// The factors of a low-rank delta, as low_rank_delta takes them.
struct LowRank {
  Variable a, b, gate;
  real factor = 1;
};

// The product of the Linears of `matrix` with a delta each.
struct DeltaProduct {
  std::shared_ptr<const DeltaMatrix> matrix;
  std::vector<LowRank> deltas;
};

// low_rank_delta(linear(x, weight, bias), x, delta) for each Linear of the product: x (rows, in) ->
// (deltas * rows, out). The factors may be trainable. Backward multiplies by the derivative of x's
// GELU, as linear() does.
//
// A kernel makes the operand of x, with the deltas' columns, and backward that of dy. Where a norm
// or attention has made x for this product, its kernel has made the operand, too. Where a norm
// takes the result of one Linear, or attention that of three, its backward makes the operand of dy.
Variable linear_deltas(const Activated& x, const DeltaProduct& product);
// gelu() of that for a matrix of one Linear.
Activated linear_deltas_gelu(const Variable& x, const DeltaProduct& product);

// linear_deltas(dropout(x, p, streams[i])) for each group i of the matrix, which has several: x
// (rows, in) -> results (Linears of a group * rows, out). Forward is one launch for the operands
// and a product for each Linear of a group. Backward, which has no dx, waits for the other groups:
// autograd/deferred.h. Duty of the caller: one attention() alone reads a result, since it
// delays the gradient in the same way.
// The streams differ in their sites alone.
std::vector<Variable> linear_deltas_of_groups(const Tensor& x, const DeltaProduct& product,
                                              double p, std::span<const RandomStream> streams);

// attention() of q, k and v as they lie in qkv (3 tokens, hidden), and of position_query and
// position_key as they lie in positions (2 rows, hidden); undefined: no position terms. With
// first_query_only the first rows of the sequences are taken from q, which has all.
Variable attention(const Variable& qkv, const Variable& positions, const AttentionLayout& layout,
                   const AttentionOptions& options);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
