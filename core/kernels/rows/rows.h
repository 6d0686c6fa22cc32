// Rows of a table by index (an embedding), and the gradient of the table.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

// y_i = x[index_i], rows of `hidden` elements. Indices must be in range; they are not checked.
struct GatherRowsArgs {
  const int64_t* index;  // (n)
  const real* x;         // (any, hidden)
  real* y;               // (n, hidden)
  int64_t n;
  int64_t hidden;
};
inline Cost cost(const GatherRowsArgs& args) {
  return traffic(2 * args.n * args.hidden);
}
SORAGRAD_KERNEL(gather_rows, GatherRowsArgs);

// dx[index_i] += dy_i. Rows of equal index are added in the order of i, so the bits do not depend
// on the threads. Rows with index `skip` are left out (an embedding's padding_idx; -1: none).
// `fresh_rows` above 0: dx has that many rows, and is taken for zeros whatever it holds.
struct ScatterAddRowsArgs {
  const int64_t* index;  // (n)
  const real* dy;        // (n, hidden)
  real* dx;              // (any, hidden)
  int64_t n;
  int64_t hidden;
  int64_t skip;
  int64_t fresh_rows = 0;
};
inline Cost cost(const ScatterAddRowsArgs& args) {
  return traffic((args.fresh_rows > 0 ? args.n + args.fresh_rows : 3 * args.n) * args.hidden);
}
SORAGRAD_KERNEL(scatter_add_rows, ScatterAddRowsArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
