// A LayerNorm next to a product with deltas, on a GPU: the kernel that computes the norm's rows
// also makes the product's operand of them (linear/delta_product.h). Forward that is the product
// after the norm, and the operand is of y. Backward it is the product before the norm, whose dy is
// the norm's dx (ds, if nothing is dropped).
#pragma once

#include "core/kernels/gpu_kernel.h"
#include "core/kernels/linear/delta_product.h"
#include "core/kernels/norm/layer_norm.h"

namespace soragrad::kernels {

// The same as layer_norm, then delta_operand, whose x is norm.y.
struct LayerNormOperandArgs {
  LayerNormArgs norm;
  DeltaOperandArgs operand;
};
inline Cost cost(const LayerNormOperandArgs& args) {
  return cost(args.norm) + cost(args.operand);
}
SORAGRAD_GPU_KERNEL(layer_norm_operand, LayerNormOperandArgs);

// The same as layer_norm_backward, then delta_operand, whose x is norm.dx, or norm.ds if dx is
// null.
struct LayerNormOperandBackwardArgs {
  LayerNormBackwardArgs norm;
  DeltaOperandArgs operand;
};
inline Cost cost(const LayerNormOperandBackwardArgs& args) {
  return cost(args.norm) + cost(args.operand);
}
SORAGRAD_GPU_KERNEL(layer_norm_operand_backward, LayerNormOperandBackwardArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
