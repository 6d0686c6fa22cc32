// A Linear, its GELU and the Linear that follows, in bf16 on the CPU as one kernel:
//   h = x W1^T + b1,  y = gelu(h) W2^T + b2
// h and gelu(h) are the widest arrays of a model: four times as wide as x in common ones. So one
// stripe of rows at a time goes through both products, on one thread, whose caches hold what is
// wide. Forward leaves for backward what that reads of them: the GELU's derivative, and the operand
// that gelu(h) is of W2's gradient.
//
// Results have the bits of gemm_bf16, gelu, gelu_backward and weight_gradient_bf16. Only the
// gradient of b1 is summed in another order: the rows of each stripe, then the stripes.
//
// Call it if has_feed_forward_bf16(), with weights as pack_bf16 leaves them (gemm_bf16.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

// The sizes of both products: W1 (wide, in), W2 (out, wide).
struct FeedForwardSizes {
  int64_t rows, in, wide, out;
};

struct FeedForwardBf16Args {
  FeedForwardSizes sizes;
  const real* x;               // (rows, in)
  const std::byte *w1, *w2;    // packed for forward
  const real *b1, *b2;         // null: none
  real* y;                     // (rows, out); null: not wanted
  real* derivative = nullptr;  // gelu'(h) (rows, wide); null: not wanted
  bfloat16* active = nullptr;  // bf16_panels() of gelu(h) (bf16_operands.h); null: not wanted
};

struct FeedForwardBackwardBf16Args {
  FeedForwardSizes sizes;
  const real *x, *dy;
  const real* derivative;
  const bfloat16* active;            // null if dw2 is not wanted
  const std::byte *w1, *w2;          // packed for backward; w1 null if dx is not wanted
  GradientTarget dx, dw1, db1, dw2;  // the gradient of b2 is the sum of dy's rows
};

// False: this CPU multiplies rounded operands in fp32 (gemm_bf16.h), which has no such kernel.
bool has_feed_forward_bf16();

// Arithmetic of the products alone; of what crosses memory, x, y and the weights' gradients.
inline Cost cost(const FeedForwardBf16Args& args) {
  const auto [rows, in, wide, out] = args.sizes;
  const int64_t products = in + (args.y ? out : 0), kept = args.derivative ? wide : 0;
  return Cost{2.0 * static_cast<double>(rows * wide * products)} +
         traffic(rows * (products + kept));
}
inline Cost cost(const FeedForwardBackwardBf16Args& args) {
  const auto [rows, in, wide, out] = args.sizes;
  const int64_t of_w1 = (args.dx.data ? 1 : 0) + (args.dw1.data ? 1 : 0);
  const int64_t of_w2 = 1 + (args.dw2.data ? 1 : 0);
  return Cost{2.0 * static_cast<double>(rows * wide * (in * of_w1 + out * of_w2))} +
         traffic(rows * (in * of_w1 + out + wide));
}

void feed_forward_bf16_cpu(const FeedForwardBf16Args& args);
void feed_forward_backward_bf16_cpu(const FeedForwardBackwardBf16Args& args);
inline constexpr Kernel<FeedForwardBf16Args> feed_forward_bf16 = {"feed_forward_bf16",
                                                                  feed_forward_bf16_cpu, nullptr};
inline constexpr Kernel<FeedForwardBackwardBf16Args> feed_forward_backward_bf16 = {
    "feed_forward_backward_bf16", feed_forward_backward_bf16_cpu, nullptr};

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
