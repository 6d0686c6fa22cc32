#include "core/kernels/linear/transpose.h"

#include <algorithm>

#include "core/parallel.h"

namespace soragrad::kernels {

// In tiles of 16 x 16, one cache line a side. Plain loops would touch a new line of x or of y for
// every element.
void transpose_cpu(const TransposeArgs& args) {
  constexpr int64_t kTile = 16;
  parallel_chunks(args.rows, 4 * kTile, [&](int64_t begin, int64_t end) {
    for (int64_t column0 = 0; column0 < args.columns; column0 += kTile) {
      const int64_t column1 = std::min(args.columns, column0 + kTile);
      for (int64_t row0 = begin; row0 < end; row0 += kTile) {
        const int64_t row1 = std::min(end, row0 + kTile);
        for (int64_t column = column0; column < column1; ++column) {
          for (int64_t row = row0; row < row1; ++row) {
            args.y[column * args.rows + row] = args.x[row * args.columns + column];
          }
        }
      }
    }
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
