// Softmax of each row, and its gradient:
//   y_j  = exp(x_j - max(x)) / sum over k of exp(x_k - max(x))
//   dx_j = y_j * (dy_j - sum over k of dy_k y_k)
// A row that is -inf throughout (all keys masked) gives zeros, not NaN. A NaN in x is not hidden.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct SoftmaxArgs {
  const real* x;  // (rows, columns)
  real* y;        // (rows, columns); may be x
  int64_t rows;
  int64_t columns;
};
inline Cost cost(const SoftmaxArgs& args) {
  return traffic(2 * args.rows * args.columns);
}
SORAGRAD_KERNEL(softmax, SoftmaxArgs);

struct SoftmaxBackwardArgs {
  const real* y;   // (rows, columns), the result of forward
  const real* dy;  // (rows, columns)
  real* dx;        // (rows, columns)
  int64_t rows;
  int64_t columns;
};
inline Cost cost(const SoftmaxBackwardArgs& args) {
  return traffic(3 * args.rows * args.columns);
}
SORAGRAD_KERNEL(softmax_backward, SoftmaxBackwardArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
