// Attention next to products with deltas, on a GPU: its kernels also make the products' operands
// (linear/delta_product.h). Forward that is the product after attention, and the operand is of y.
// Backward it is the one product of q, k and v before attention, and the operand is of their
// gradients.
#pragma once

#include "core/kernels/attention/attention.h"
#include "core/kernels/gpu_kernel.h"
#include "core/kernels/linear/delta_product.h"

namespace soragrad::kernels {

// The same as attention, then delta_operand, whose x is attention.y.
struct AttentionOperandArgs {
  AttentionArgs attention;
  DeltaOperandArgs operand;
};
inline Cost cost(const AttentionOperandArgs& args) {
  return cost(args.attention) + cost(args.operand);
}
SORAGRAD_GPU_KERNEL(attention_operand, AttentionOperandArgs);

// The same as attention_backward, then delta_operand, whose parts are of dq, dk and dv. All tokens
// are queries.
struct AttentionOperandBackwardArgs {
  AttentionBackwardArgs attention;
  DeltaOperandArgs operand;
};
inline Cost cost(const AttentionOperandBackwardArgs& args) {
  return cost(args.attention) + cost(args.operand);
}
SORAGRAD_GPU_KERNEL(attention_operand_backward, AttentionOperandBackwardArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
