// Chunks of 64 rows are summed in double, then the chunks in order (grid_sums.cuh: sum_columns).
#include "core/kernels/linear/column_sum.h"

#include "core/kernels/grid_sums.cuh"

namespace soragrad::kernels {
namespace {

struct Element {
  const real* x;
  int64_t columns;
  __device__ double operator()(int64_t row, int64_t column) const {
    return x[row * columns + column];
  }
};

}  // namespace

void column_sum_cuda(const ColumnSumArgs& args) {
  sum_columns(Element{args.x, args.columns}, args.rows, args.columns, args.y);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
