// The low-rank delta beside a Linear, and its gradients (Hu et al., "LoRA", 2021; with a gate Ding
// et al., "SoRA", 2023, or AdaLoRA's singular values):
//   u = x A^T,  y += (s * u) B^T,  s = factor * gate
//   dh = dy B,  du = s * dh,  dx = du A,  dA = du^T x,  dB = dy^T (s * u),
//   dgate = factor * sum over rows of u * dh
// Rank is small (1 to some 64): everything is as fast as x, y and dy are read.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct LowRankDelta {
  const real* a;     // (rank, in)
  const real* b;     // (out, rank)
  const real* gate;  // (rank) or null: ones
  int64_t rank, in, out;
  real factor;
};

struct LowRankArgs {
  LowRankDelta delta;
  const real* x;  // (rows, in)
  real* u;        // (rows, rank): kept for backward
  real* y;        // (rows, out): added to
  int64_t rows;
};
inline Cost cost(const LowRankArgs& args) {
  const LowRankDelta& d = args.delta;
  return {2.0 * static_cast<double>(args.rows * d.rank * (d.in + d.out)),
          traffic((args.rows + d.rank) * (d.in + d.out) + args.rows * (d.out + d.rank)).bytes};
}
SORAGRAD_KERNEL(low_rank, LowRankArgs);

struct LowRankBackwardArgs {
  LowRankDelta delta;
  const real* x;
  const real* u;   // of the forward pass
  const real* dy;  // (rows, out)
  GradientTarget da, db, dgate, dx;
  int64_t rows;
};
inline Cost cost(const LowRankBackwardArgs& args) {
  const LowRankDelta& d = args.delta;
  const int64_t products =
      (args.dx.data ? d.in : 0) + (args.da.data ? d.in : 0) + (args.db.data ? d.out : 0) + d.out;
  const int64_t dx = args.dx.data ? args.rows * d.in * (args.dx.accumulate ? 2 : 1) : 0;
  return {2.0 * static_cast<double>(args.rows * d.rank * products),
          traffic((args.rows + 2 * d.rank) * (d.in + d.out) + dx).bytes};
}
SORAGRAD_KERNEL(low_rank_backward, LowRankBackwardArgs);

}  // namespace soragrad::kernels
