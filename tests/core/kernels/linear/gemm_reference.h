// Products of small matrices against sums in double.
#pragma once

#include <cmath>
#include <vector>

#include "core/rng.h"
#include "core/tensor.h"

namespace soragrad::test {

// In (-1, 1), 24 bits each: rounding to bf16 changes nearly all of them.
inline Tensor uniform(const Shape& shape, uint64_t seed) {
  const Tensor x = Tensor::empty(shape);
  for (int64_t i = 0; i < x.numel(); ++i) {
    const uint32_t word = philox({seed, 7, 0}, static_cast<uint64_t>(i)).bits[0];
    x.data()[i] = static_cast<real>(word >> 8) * real(0x1p-23) - 1;
  }
  return x;
}

struct ProductSizes {
  int64_t rows, out, in;
};

// Largest error of c (rows, n) against start + a op(W), over what fp32 sums of k products may have;
// operands are what `round` makes of the elements.
template <typename Round>
double worst_error(const Tensor& a, const Tensor& weight, bool transpose, const Tensor& c,
                   const std::vector<double>& start, Round round) {
  const int64_t rows = a.size(0), k = a.size(1), n = c.size(1);
  std::vector<double> left(static_cast<size_t>(rows * k)), right(static_cast<size_t>(n * k));
  for (size_t i = 0; i < left.size(); ++i) left[i] = round(a.data()[i]);
  for (int64_t p = 0; p < k; ++p) {
    for (int64_t j = 0; j < n; ++j) {
      right[static_cast<size_t>(j * k + p)] =
          round(weight.data()[transpose ? j * k + p : p * n + j]);
    }
  }
  double worst = 0;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = start[static_cast<size_t>(i * n + j)], size = std::abs(sum);
      for (int64_t p = 0; p < k; ++p) {
        const double product =
            left[static_cast<size_t>(i * k + p)] * right[static_cast<size_t>(j * k + p)];
        sum += product;
        size += std::abs(product);
      }
      const double error =
          std::abs(c.data()[i * n + j] - sum) / (size * 0x1p-24 * (2 + std::sqrt(k)));
      worst = error <= worst ? worst : error;  // a NaN is kept
    }
  }
  return worst;
}

// The start of the sums in the form that worst_error() takes: x (rows, n), or a row x (n) repeated
// `rows` times.
inline std::vector<double> start_of(const Tensor& x, int64_t rows, int64_t n) {
  std::vector<double> start(static_cast<size_t>(rows * n));
  for (size_t i = 0; i < start.size(); ++i) {
    start[i] = x.data()[i % static_cast<size_t>(x.numel())];
  }
  return start;
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
