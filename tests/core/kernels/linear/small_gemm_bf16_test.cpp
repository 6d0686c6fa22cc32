// Sizes around the tiles of AMX, either way in which an operand can lie, against sums in double.
#include "core/kernels/linear/small_gemm_bf16.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/kernels/linear/gemm_bf16.h"
#include "tests/core/kernels/linear/gemm_reference.h"

namespace soragrad {
namespace {

constexpr test::ProductSizes kCases[] = {{1, 1, 1},    {3, 5, 2},    {16, 16, 32}, {17, 33, 31},
                                         {32, 48, 64}, {48, 16, 33}, {40, 70, 159}};
constexpr real kUntouched = 77;

double rounded(float x) {
  return double{to_float(to_bfloat16(x))};
}

// x (rows, columns), or its transpose, with three more elements a row.
struct Matrix {
  Tensor values;  // (rows, columns)
  std::vector<real> memory;
  kernels::MatrixView view;

  Matrix(int64_t rows, int64_t columns, bool turned, uint64_t seed)
      : values(test::uniform({rows, columns}, seed)) {
    const int64_t lines = turned ? columns : rows, pitch = (turned ? rows : columns) + 3;
    memory.assign(static_cast<size_t>(lines * pitch), NAN);
    view = {memory.data(), turned ? 1 : pitch, turned ? pitch : 1};
    for (int64_t i = 0; i < values.numel(); ++i) {
      const int64_t row = i / columns, column = i % columns;
      memory[static_cast<size_t>(row * view.row_stride + column * view.column_stride)] =
          values.data()[i];
    }
  }
};

void check(const test::ProductSizes& sizes, bool turned_a, bool turned_b, bool split_a,
           bool accumulate) {
  const auto [m, n, k] = sizes;
  const Matrix a(m, k, turned_a, 1), b(k, n, turned_b, 2);
  const Tensor start = test::uniform({m, n}, 3), c = Tensor::empty({m, n});
  const int64_t pitch = n + 2;
  std::vector<real> sums(static_cast<size_t>(m * pitch), kUntouched);
  for (int64_t i = 0; accumulate && i < m * n; ++i) {
    sums[static_cast<size_t>(i / n * pitch + i % n)] = start.data()[i];
  }
  kernels::small_gemm_bf16({.m = m,
                            .n = n,
                            .k = k,
                            .a = a.view,
                            .b = b.view,
                            .c = sums.data(),
                            .ldc = pitch,
                            .split_a = split_a,
                            .accumulate = accumulate});
  for (int64_t i = 0; i < m * n; ++i) {
    c.data()[i] = sums[static_cast<size_t>(i / n * pitch + i % n)];
  }
  // The reference rounds both operands alike, so a's two parts are made here.
  const Tensor left = Tensor::empty({m, k}), right = Tensor::empty({k, n});
  for (int64_t i = 0; i < m * k; ++i) {
    const auto x = static_cast<float>(a.values.data()[i]);
    const double high = rounded(x);
    left.data()[i] =
        static_cast<real>(high + (split_a ? rounded(x - static_cast<float>(high)) : 0));
  }
  for (int64_t i = 0; i < k * n; ++i) {
    right.data()[i] = static_cast<real>(rounded(static_cast<float>(b.values.data()[i])));
  }
  const std::vector<double> zeros(static_cast<size_t>(m * n));
  const std::vector<double> begin = accumulate ? test::start_of(start, m, n) : zeros;
  CHECK(test::worst_error(left, right, false, c, begin, [](real x) { return double{x}; }) < 1);
  for (int64_t i = 0; i < m; ++i) {
    CHECK(sums[static_cast<size_t>(i * pitch + n)] == kUntouched);
    CHECK(sums[static_cast<size_t>(i * pitch + n + 1)] == kUntouched);
  }
}

}  // namespace

TEST_CASE("small_gemm_bf16: products of rounded and of split operands") {
  if (kernels::bf16_way() != kernels::Bf16Way::amx) {
    MESSAGE("SKIPPED: this processor has no AMX, or SORAGRAD_BF16 forbids it");
    return;
  }
  for (const test::ProductSizes& sizes : kCases) {
    CAPTURE(sizes.rows);
    CAPTURE(sizes.out);
    CAPTURE(sizes.in);
    for (int way = 0; way < 16; ++way) {
      CAPTURE(way);
      check(sizes, way & 1, way & 2, way & 4, way & 8);
    }
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
