#include "core/kernels/norm/layer_norm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace soragrad {
namespace {

std::vector<real> wave(size_t n, double step, double offset) {
  std::vector<real> values(n);
  for (size_t i = 0; i < n; ++i) {
    values[i] = static_cast<real>(std::sin(step * static_cast<double>(i)) + offset);
  }
  return values;
}

}  // namespace

TEST_CASE("layer_norm: follows its definition, for any number of columns") {
  for (const int64_t hidden : {1, 2, 15, 16, 17, 768}) {
    const int64_t rows = 5;
    const auto x = wave(static_cast<size_t>(rows * hidden), 0.37, 2);
    const auto weight = wave(static_cast<size_t>(hidden), 0.11, 1);
    const auto bias = wave(static_cast<size_t>(hidden), 0.23, 0);
    std::vector<real> y(x.size());
    kernels::layer_norm(Device::cpu, {.x = x.data(),
                                      .weight = weight.data(),
                                      .bias = bias.data(),
                                      .y = y.data(),
                                      .rows = rows,
                                      .hidden = hidden,
                                      .eps = real(1e-5),
                                      .keep_scale = 1});
    for (int64_t row = 0; row < rows; ++row) {
      const real* s = x.data() + row * hidden;
      double mean = 0, variance = 0;
      for (int64_t j = 0; j < hidden; ++j) mean += s[j] / static_cast<double>(hidden);
      for (int64_t j = 0; j < hidden; ++j) {
        variance += (s[j] - mean) * (s[j] - mean) / static_cast<double>(hidden);
      }
      for (int64_t j = 0; j < hidden; ++j) {
        const size_t column = static_cast<size_t>(j);
        const double expected =
            (s[j] - mean) / std::sqrt(variance + 1e-5) * weight[column] + bias[column];
        CHECK(std::abs(y[static_cast<size_t>(row * hidden + j)] - expected) < 2e-5);
      }
    }
  }
}

TEST_CASE("layer_norm: a large mean does not drown the variance") {
  std::vector<real> x(64), weight(64, 1), bias(64, 0), y(64);
  for (size_t j = 0; j < x.size(); ++j) x[j] = j % 2 ? real(10000.5) : real(9999.5);
  kernels::layer_norm(Device::cpu, {.x = x.data(),
                                    .weight = weight.data(),
                                    .bias = bias.data(),
                                    .y = y.data(),
                                    .rows = 1,
                                    .hidden = 64,
                                    .eps = real(1e-7),
                                    .keep_scale = 1});
  CHECK(y[0] == doctest::Approx(-1).epsilon(1e-5));
  CHECK(y[1] == doctest::Approx(1).epsilon(1e-5));
}

TEST_CASE("layer_norm: a constant row gives the bias") {
  const std::vector<real> x(7, 3), weight(7, 2), bias(7, real(0.5));
  std::vector<real> y(7);
  kernels::layer_norm(Device::cpu, {.x = x.data(),
                                    .weight = weight.data(),
                                    .bias = bias.data(),
                                    .y = y.data(),
                                    .rows = 1,
                                    .hidden = 7,
                                    .eps = real(1e-7),
                                    .keep_scale = 1});
  CHECK(y == bias);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
