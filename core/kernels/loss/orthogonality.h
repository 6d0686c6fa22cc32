// How far the rows of M (rank, length) are from orthonormal, and the gradient: AdaLoRA's
// regularizer (Zhang et al., "Adaptive budget allocation for parameter-efficient fine-tuning",
// 2023, equation 4, with the norm of peft's implementation, which is not squared):
//   G  = M M^T - I
//   r  = || G ||_F
//   dM = dr * 2 G M / r          0 if r is 0
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct OrthogonalityArgs {
  static constexpr int kMaxParts = 60;  // the struct stays below CUDA's 4 KiB of arguments
  struct Part {
    const real* x;      // M (rank, length); see `columns`
    GradientTarget dx;  // stored as x; backward only
    real* gram;         // (rank, rank): G, written by forward and read by backward
    int64_t rank;
    int64_t length;
    bool columns;  // true: x is stored (length, rank), and M is its transpose
  };
  Part parts[kMaxParts];
  int count;
  real factor;     // forward: y = factor * sum of r over the parts; backward: dr = factor * dy
  const real* dy;  // (1), backward only
  real* y;         // (1), forward only
  bool adds;       // forward: y += instead of y =
};
SORAGRAD_KERNEL(orthogonality, OrthogonalityArgs);
SORAGRAD_KERNEL(orthogonality_backward, OrthogonalityArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
