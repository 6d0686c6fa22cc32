// y = sum of x_i^2 in double: the gradient's norm, for reports and for clipping.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct SumSquaresArgs {
  const real* x;  // (n)
  double* y;      // (1)
  int64_t n;
};
SORAGRAD_KERNEL(sum_squares, SumSquaresArgs);

}  // namespace soragrad::kernels
