// y = exp(x - max) / sum of exp(x - max) over each row. A row of -inf alone gives zeros.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct SoftmaxArgs {
  const real* x;  // (rows, columns)
  real* y;        // (rows, columns)
  int64_t rows;
  int64_t columns;
};
inline Cost cost(const SoftmaxArgs& args) {
  return traffic(2 * args.rows * args.columns);
}
SORAGRAD_KERNEL(softmax, SoftmaxArgs);

// dx = y (dy - sum of dy y).
struct SoftmaxBackwardArgs {
  const real* y;
  const real* dy;
  real* dx;
  int64_t rows;
  int64_t columns;
};
inline Cost cost(const SoftmaxBackwardArgs& args) {
  return traffic(3 * args.rows * args.columns);
}
SORAGRAD_KERNEL(softmax_backward, SoftmaxBackwardArgs);

}  // namespace soragrad::kernels
