// y (columns) = sum over the rows of x (rows, columns), in double: the gradient of a bias.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct ColumnSumArgs {
  const real* x;
  GradientTarget y;
  int64_t rows, columns;
};
inline Cost cost(const ColumnSumArgs& args) {
  return traffic((args.rows + 1) * args.columns);
}
SORAGRAD_KERNEL(column_sum, ColumnSumArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
