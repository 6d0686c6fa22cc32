#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/linear/column_sum.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include "core/kernels/linear/column_sum.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// Sums Columns columns from `column` on, and returns the next column. Adds the rows in order, so
// neither threads nor vectors change a bit. The compiler knows the count and keeps the sums in
// registers.
template <int64_t Columns>
int64_t sum_some(const ColumnSumArgs& args, int64_t column) {
  double sums[Columns] = {};
  for (const real* x = args.x + column; x < args.x + args.rows * args.columns; x += args.columns) {
    for (int64_t i = 0; i < Columns; ++i) sums[i] += x[i];
  }
  for (int64_t i = 0; i < Columns; ++i) args.y.write(column + i, static_cast<real>(sums[i]));
  return column + Columns;
}

// sums += the rows of x in order.
void add_rows(const real* x, int64_t rows, int64_t columns, double* sums) {
  for (int64_t row = 0; row < rows; ++row, x += columns) {
    for (int64_t i = 0; i < columns; ++i) sums[i] += x[i];
  }
}

void sum_columns(const ColumnSumArgs& args, int64_t begin, int64_t end) {
  int64_t column = begin;
  while (column + 48 <= end) column = sum_some<48>(args, column);
  while (column + 8 <= end) column = sum_some<8>(args, column);
  while (column < end) column = sum_some<1>(args, column);
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(sum_columns);
HWY_EXPORT(add_rows);

void column_sum_cpu(const ColumnSumArgs& args) {
  constexpr int64_t kColumns = 48;  // cuts the widths of common models into an even number of tasks
  parallel_chunks(args.columns, kColumns, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(sum_columns)(args, begin, end);
  });
}

void add_column_sums(const real* x, int64_t rows, int64_t columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(add_rows)(x, rows, columns, sums);
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
