// The low-rank delta beside a Linear, and its gradients (Hu et al., "LoRA", 2021). The gate is
// SoRA's (Ding et al., "Sparse low-rank adaptation of pre-trained language models", 2023, section
// 3) or AdaLoRA's singular values (Zhang et al., 2023):
//   s     = factor * gate
//   u     = x A^T
//   y    += (s * u) B^T
//   dh    = dy B
//   du    = s * dh
//   dx    = du A
//   dA    = du^T x
//   dB    = dy^T (s * u)
//   dgate = factor * sum over rows of u * dh
// Ranks are small, from 1 to some 64, so the limit is the time in which x, y and dy cross memory.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct LowRankDelta {
  const real* a;     // (rank, in)
  const real* b;     // (out, rank)
  const real* gate;  // (rank); null: all ones
  int64_t rank, in, out;
  real factor;  // lora_alpha / r, or what the method scales by
};

// s[k], the factor of component k.
SORAGRAD_HD real scale_of(const LowRankDelta& delta, int64_t k) {
  return delta.gate ? delta.factor * delta.gate[k] : delta.factor;
}

struct LowRankArgs {
  LowRankDelta delta;
  const real* x;  // (rows, in)
  real* u;        // (rows, rank): written; backward reads it
  real* y;        // (rows, out): the delta is added to it
  int64_t rows;
};
inline Cost cost(const LowRankArgs& args) {
  const LowRankDelta& d = args.delta;
  return {2.0 * static_cast<double>(args.rows * d.rank * (d.in + d.out)),
          traffic((args.rows + d.rank) * (d.in + d.out) + args.rows * (d.out + d.rank)).bytes};
}
SORAGRAD_KERNEL(low_rank, LowRankArgs);

// Each of the four gradients may be unwanted; dh and du are temporaries of the kernel.
struct LowRankBackwardArgs {
  LowRankDelta delta;
  const real* x;                     // (rows, in); read if da is wanted
  const real* u;                     // (rows, rank), as forward wrote it
  const real* dy;                    // (rows, out)
  GradientTarget da, db, dgate, dx;  // (rank, in), (out, rank), (rank), (rows, in)
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

// SPDX-License-Identifier: Apache-2.0
