// Inverted dropout: y_i = x_i keep_scale where word i of the stream is at least drop_threshold,
// else 0. Its own backward, with dy for x.
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
  uint32_t drop_threshold;  // core/rng.h; 0 keeps all
  real keep_scale;          // 1 / (1 - p)
  RandomStream stream;
};
inline Cost cost(const DropoutArgs& args) {
  return traffic(2 * args.n);
}
SORAGRAD_KERNEL(dropout, DropoutArgs);

}  // namespace soragrad::kernels
