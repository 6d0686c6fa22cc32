// What rows of products are composed of.
#pragma once

#include <vector>

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "tests/op_cases.h"

namespace soragrad::test {

// (1, n) repeated in `rows` rows.
inline Variable broadcast_row(const Variable& row, int64_t rows) {
  const std::vector<real> ones(static_cast<size_t>(rows), 1);
  return matmul(constant(ones, {rows, 1}, row.device()), row);
}

// rounded(x) rounded(W)^T, from fp32 products; both gradients are products of rounded(dy).
inline Variable rounded_product(const Variable& x, const Variable& weight) {
  const auto pass = [](const Tensor& dy, Gradients& gradients) { gradients.add(0, dy); };
  const Variable a = record("linear", rounded(x.value()), {x}, pass);
  const Variable b = record("linear", rounded(weight.value()), {weight}, pass);
  const Variable y = matmul(a, b, false, true);
  return record("linear", y.value(), {y},
                [](const Tensor& dy, Gradients& gradients) { gradients.add(0, rounded(dy)); });
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
