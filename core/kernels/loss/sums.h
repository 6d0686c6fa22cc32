// Reductions to one number, and their gradients: the sum of all elements, the mean squared
// difference, and the scaled sum of magnitudes. All are summed in double.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct SumArgs {
  const real* x;  // (n)
  real* y;        // (1)
  int64_t n;
};
SORAGRAD_KERNEL(sum, SumArgs);

struct SumBackwardArgs {
  const real* dy;  // (1)
  real* dx;        // (n), every element dy
  int64_t n;
};
SORAGRAD_KERNEL(sum_backward, SumBackwardArgs);

// loss = mean of (predictions - targets)^2 (torch.nn.functional.mse_loss).
struct MseArgs {
  const real* predictions;  // (n)
  const real* targets;      // (n)
  real* loss;               // (1)
  int64_t n;
};
SORAGRAD_KERNEL(mse, MseArgs);

// dpredictions = dloss * 2 / n * (predictions - targets).
struct MseBackwardArgs {
  const real* predictions;  // (n)
  const real* targets;      // (n)
  const real* dloss;        // (1)
  real* dpredictions;       // (n), overwritten
  int64_t n;
};
SORAGRAD_KERNEL(mse_backward, MseBackwardArgs);

// y = factor * sum of |x| over up to kMaxParts arrays at once. Backward: dx = factor * dy *
// sign(x), 0 at 0. SoRA's regularizer of the gates.
struct MeanAbsArgs {
  static constexpr int kMaxParts = 120;  // the struct stays below CUDA's 4 KiB of arguments
  struct Part {
    const real* x;
    GradientTarget dx;  // backward only
    int64_t n;
  };
  Part parts[kMaxParts];
  int count;
  real factor;
  const real* dy;  // (1), backward only
  real* y;         // (1), forward only
  bool adds;       // forward: y += instead of y =
};
SORAGRAD_KERNEL(mean_abs, MeanAbsArgs);
SORAGRAD_KERNEL(mean_abs_backward, MeanAbsArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
