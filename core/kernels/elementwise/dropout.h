// Inverted dropout: y_i = x_i * keep_scale if word i of the stream is at least drop_threshold, else
// 0. It is its own backward: called with dy for x it draws the same mask again.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"
#include "core/rng.h"

namespace soragrad::kernels {

struct DropoutArgs {
  const real* x;
  real* y;
  int64_t n;
  uint32_t drop_threshold;  // drop_threshold(p) of core/rng.h; 0 keeps all
  real keep_scale;          // 1 / (1 - p)
  RandomStream stream;
};
inline Cost cost(const DropoutArgs& args) {
  return traffic(2 * args.n);
}
SORAGRAD_KERNEL(dropout, DropoutArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
