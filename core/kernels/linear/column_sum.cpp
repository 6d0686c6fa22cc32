#include "core/kernels/linear/column_sum.h"

#include <algorithm>
#include <array>

#include "core/parallel.h"

namespace soragrad::kernels {

// A task owns 128 columns and adds the rows in order, so no thread count changes a bit.
void column_sum_cpu(const ColumnSumArgs& args) {
  constexpr int64_t kColumns = 128;
  parallel_chunks(args.columns, kColumns, [&](int64_t begin, int64_t end) {
    std::array<double, kColumns> sums{};
    for (int64_t row = 0; row < args.rows; ++row) {
      const real* x = args.x + row * args.columns;
      for (int64_t column = begin; column < end; ++column) sums[column - begin] += x[column];
    }
    for (int64_t column = begin; column < end; ++column) {
      args.y.write(column, static_cast<real>(sums[column - begin]));
    }
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
