// y (columns, rows) = x^T of x (rows, columns).
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
