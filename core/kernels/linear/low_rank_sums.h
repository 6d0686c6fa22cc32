// The gradients of low-rank deltas that are sums over rows, on a GPU (low_rank.h has the formulas):
//   dA = du^T x,  dB = dy^T (s * u),  dgate = factor * sum over rows of u * dh
#pragma once

#include <cstdint>

#include "core/kernels/gpu_kernel.h"
#include "core/kernels/linear/low_rank.h"

namespace soragrad::kernels {

// All pointers are those of LowRankBackwardArgs, and dh and du (rows, rank). Of several parts each
// has gradients of its own.
struct LowRankSumsArgs {
  static constexpr int kMaxParts = 3;
  struct Part {
    LowRankDelta delta;
    const real *x, *u, *dy, *dh, *du;
    GradientTarget da, db, dgate;
  };
  Part parts[kMaxParts];
  int count;
  int64_t rows;  // of each part
};
inline Cost cost(const LowRankSumsArgs& args) {
  Cost sum;
  for (int i = 0; i < args.count; ++i) {
    const LowRankDelta& d = args.parts[i].delta;
    sum.flops += 2.0 * static_cast<double>(args.rows * d.rank * (d.in + d.out));
    sum.bytes += traffic((args.rows + d.rank) * (d.in + d.out)).bytes;
  }
  return sum;
}
// One launch, or two for more than 128 rows; none if no gradient is wanted.
SORAGRAD_GPU_KERNEL(low_rank_sums, LowRankSumsArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
