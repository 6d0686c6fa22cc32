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
// sums (columns) += the sum over the rows of x, on the CPU and the calling thread: for kernels that
// have some of the rows at a time.
void add_column_sums(const real* x, int64_t rows, int64_t columns, double* sums);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
