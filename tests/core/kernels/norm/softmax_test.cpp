#include "core/kernels/norm/softmax.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/kernels/loss/cross_entropy.h"

namespace soragrad {
namespace {

constexpr real kInfinity = std::numeric_limits<real>::infinity();

std::vector<real> softmax_of(const std::vector<real>& x) {
  std::vector<real> y(x.size());
  kernels::softmax(Device::cpu, {x.data(), y.data(), 1, static_cast<int64_t>(x.size())});
  return y;
}

real cross_entropy_of(const std::vector<real>& logits, int64_t label) {
  real loss = 0;
  kernels::cross_entropy(Device::cpu,
                         {logits.data(), &label, &loss, 1, static_cast<int64_t>(logits.size())});
  return loss;
}

}  // namespace

TEST_CASE("softmax: follows its definition, for any number of columns") {
  for (const size_t columns : {1, 2, 15, 16, 17, 100}) {
    std::vector<real> x(columns);
    double sum = 0;
    for (size_t j = 0; j < columns; ++j) {
      x[j] = static_cast<real>(std::sin(3.0 * static_cast<double>(j)) * 4);
      sum += std::exp(static_cast<double>(x[j]));
    }
    const std::vector<real> y = softmax_of(x);
    for (size_t j = 0; j < columns; ++j) {
      CHECK(y[j] == doctest::Approx(std::exp(static_cast<double>(x[j])) / sum).epsilon(1e-6));
    }
  }
}

TEST_CASE("softmax: a large constant changes nothing") {
  CHECK(softmax_of({1000, 1001, 1002}) == softmax_of({0, 1, 2}));
  CHECK(softmax_of({-1000, -999}) == softmax_of({0, 1}));
}

TEST_CASE("softmax: masked keys get nothing and a row of only masked keys is zero") {
  CHECK(softmax_of({0, -kInfinity, 0}) == std::vector<real>{0.5, 0, 0.5});
  CHECK(softmax_of({-kInfinity, -kInfinity}) == std::vector<real>{0, 0});
}

TEST_CASE("softmax: NaN is not hidden") {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  CHECK(std::isnan(softmax_of({0, nan})[1]));
  CHECK(std::isnan(softmax_of({nan, nan})[0]));
}

TEST_CASE("cross_entropy: follows its definition") {
  CHECK(cross_entropy_of({1, 2, 3}, 0) ==
        doctest::Approx(std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)) - 1).epsilon(1e-6));
  CHECK(cross_entropy_of({0, 0}, 1) == doctest::Approx(std::log(2.0)).epsilon(1e-6));
}

TEST_CASE("cross_entropy: logits far apart neither overflow nor lose the loss") {
  CHECK(cross_entropy_of({5000, 0}, 1) == 5000);
  CHECK(cross_entropy_of({5000, 0}, 0) == 0);
  CHECK(cross_entropy_of({-20, 0}, 1) == doctest::Approx(std::log1p(std::exp(-20.0))).epsilon(0.1));
}

TEST_CASE("cross_entropy: the gradient at a sure label does not cancel") {
  const std::vector<real> logits = {20, 0};
  const int64_t label = 0;
  const real dloss = 1;
  std::vector<real> dlogits(2);
  kernels::cross_entropy_backward(Device::cpu,
                                  {logits.data(), &label, &dloss, dlogits.data(), 1, 2});
  const double share = 1 / (1 + std::exp(20.0));
  CHECK(dlogits[0] == doctest::Approx(-share).epsilon(1e-5));
  CHECK(dlogits[1] == doctest::Approx(share).epsilon(1e-5));
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
