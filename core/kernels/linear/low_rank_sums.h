// The gradients of low-rank deltas that are sums over rows, on a GPU (low_rank.h has the formulas):
//   dA = du^T x,  dB = dy^T (s * u),  dgate = factor * sum over rows of u * dh
#pragma once

#include <cstdint>

#include "core/kernels/gpu_kernel.h"
#include "core/kernels/linear/low_rank.h"

namespace soragrad::kernels {

// All pointers are those of LowRankBackwardArgs, and dh and du (rows, rank). Several parts, such as
// all deltas of four layers, are one launch; no gradient belongs to two of them.
struct LowRankSumsArgs {
  static constexpr int kMaxParts = 24;
  struct Part {
    LowRankDelta delta;
    const real *x, *u, *dy, *dh, *du;
    GradientTarget da, db, dgate;
    int64_t rows;
  };
  Part parts[kMaxParts];
  int count;
};
inline Cost cost(const LowRankSumsArgs& args) {
  Cost sum;
  for (int i = 0; i < args.count; ++i) {
    const LowRankDelta& d = args.parts[i].delta;
    const int64_t rows = args.parts[i].rows;
    sum.flops += 2.0 * static_cast<double>(rows * d.rank * (d.in + d.out));
    sum.bytes += traffic((rows + d.rank) * (d.in + d.out)).bytes;
  }
  return sum;
}
SORAGRAD_GPU_KERNEL(low_rank_sums, LowRankSumsArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
