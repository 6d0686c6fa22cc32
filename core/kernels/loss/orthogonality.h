// How far rows are from orthonormal: r = || M M^T - I ||_F for M (rank, length), and its gradient
// dM = dr 2 G M / r with G = M M^T - I; 0 where r is 0. AdaLoRA's regularizer (Zhang et al., 2023).
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct OrthogonalityArgs {
  static constexpr int kMaxParts = 60;  // the struct stays below CUDA's 4 KiB of arguments
  struct Part {
    const real* x;
    GradientTarget dx;  // backward only
    real* gram;         // (rank, rank): G, written by forward and read by backward
    int64_t rank;
    int64_t length;
    bool columns;  // x is stored (length, rank), and its columns are meant
  };
  Part parts[kMaxParts];
  int count;
  real factor;     // y += factor * sum of r over the parts; backward: dr = factor dy
  const real* dy;  // (1), backward only
  real* y;         // (1), forward only
};
SORAGRAD_KERNEL(orthogonality, OrthogonalityArgs);
SORAGRAD_KERNEL(orthogonality_backward, OrthogonalityArgs);

}  // namespace soragrad::kernels
