// y (columns, rows) = x^T for x (rows, columns), both dense. y must not overlap x.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct TransposeArgs {
  const real* x;
  real* y;
  int64_t rows, columns;
};
inline Cost cost(const TransposeArgs& args) {
  return traffic(2 * args.rows * args.columns);
}
SORAGRAD_KERNEL(transpose, TransposeArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
