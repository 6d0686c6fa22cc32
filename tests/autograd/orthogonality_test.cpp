// The orthogonality term against numbers worked out by hand.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/graph.h"
#include "autograd/ops.h"

using namespace soragrad;

namespace {

Variable matrix(std::initializer_list<real> values, int64_t rows, int64_t columns) {
  Tensor tensor = Tensor::empty({rows, columns});
  std::copy(values.begin(), values.end(), tensor.data());
  return Variable(tensor, true);
}

}  // namespace

TEST_CASE("orthogonality: value and gradients of small matrices") {
  // A A^T - I = [[4, 11], [11, 24]]; B^T B - I = [[3, 0], [0, -1]], for a column of B is zero.
  const Variable a = matrix({1, 2, 3, 4}, 2, 2);
  const Variable b = matrix({2, 0, 0, 0, 0, 0}, 3, 2);
  const double a_norm = std::sqrt(16 + 121 + 121 + 576), b_norm = std::sqrt(9 + 1);
  const Variable rows[] = {a}, columns[] = {b};
  const Variable value = orthogonality(rows, columns, real(0.6));
  CHECK(value.value().item() == doctest::Approx(0.6 * (a_norm + b_norm) / 2).epsilon(1e-6));

  // d ||M||_F / dA = 2 M A / ||M||_F and d ||N||_F / dB = 2 B N / ||N||_F, each times 0.6 / 2.
  backward(value);
  const double a_scale = 0.6 / a_norm, b_scale = 0.6 / b_norm;
  const std::vector<double> da = {37, 52, 83, 118}, db = {6, 0, 0, 0, 0, 0};
  const std::vector<real> got_a = a.grad().to_vector(), got_b = b.grad().to_vector();
  for (size_t i = 0; i < da.size(); ++i) {
    CHECK(got_a[i] == doctest::Approx(a_scale * da[i]).epsilon(1e-6));
  }
  for (size_t i = 0; i < db.size(); ++i) {
    CHECK(got_b[i] == doctest::Approx(b_scale * db[i]).epsilon(1e-6));
  }
}

TEST_CASE("orthogonality: orthonormal rows and columns cost nothing") {
  const real c = std::sqrt(real(0.5));
  const Variable rows[] = {matrix({c, c, c, -c}, 2, 2)};
  const Variable columns[] = {matrix({0, 1, 1, 0, 0, 0}, 3, 2)};
  CHECK(std::abs(orthogonality(rows, columns, 1).value().item()) < 1e-6);
}

// SPDX-License-Identifier: Apache-2.0
