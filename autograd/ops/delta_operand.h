// The operand of a product with low-rank deltas, as two ops share it. A LayerNorm or attention
// makes the operand of the product after it forward, and that of the product before it backward,
// because the rows are in its registers: core/kernels/norm/layer_norm_operand.h,
// core/kernels/attention/attention_operand.h. A Variable between the two carries it.
#pragma once

#include <memory>
#include <vector>

#include "autograd/joint_ops.h"
#include "core/delta_matrix.h"
#include "core/kernels/linear/delta_product.h"

namespace soragrad {

// The values of a delta's factors.
struct Factors {
  Tensor a, b, gate;  // gate may be undefined
  real factor;

  kernels::LowRankDelta view() const;
};

struct DeltaOperand {
  std::shared_ptr<const DeltaMatrix> matrix;
  std::vector<Factors> factors;
  Tensor from;  // x or dy, of which it was made; undefined: not made yet
  DeltaMatrix::Operand made;
  bool has_rows = true;  // as in DeltaMatrix::backward_operand
  // The product reads its gradient at the end of backward() alone, so whoever makes the gradient
  // may be late, too (autograd/ops/waiting.h).
  bool late = false;

  // The operand of x for a product, not made yet.
  static std::shared_ptr<DeltaOperand> of_value(const DeltaProduct& product);
  // That of the gradient, for the backward pass of the same product.
  std::shared_ptr<DeltaOperand> of_gradient() const;

  std::vector<kernels::LowRankDelta> deltas() const;
  // Allocates it, and returns the arguments of the kernel that makes it of these rows, which the
  // caller must run.
  kernels::DeltaOperandArgs begin(const Tensor& rows);
  // True if it has been made of this very tensor, for this product.
  bool is_of(const Tensor& rows) const;
  bool is_for(const DeltaProduct& product) const;
};

// The operand that the op before x wants of x's gradient, if it is a product of `linears` Linears
// that reads it at once; else null.
std::shared_ptr<DeltaOperand> operand_of_gradient(const Variable& x, int64_t linears);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
