#include "sora/gate_schedule.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"

namespace soragrad::sora {
namespace {

TEST_CASE("gate schedule: linear repeats the authors' RTE script") {
  const auto xi = gate_thresholds("linear", 0, 7e-4, 7);
  const double expected[] = {
      0, 1.16666667e-4, 2.33333333e-4, 3.5e-4, 4.66666667e-4, 5.83333333e-4, 7e-4};
  REQUIRE(xi.size() == 7);
  for (size_t i = 0; i < 7; ++i) CHECK(xi[i] == doctest::Approx(expected[i]).epsilon(1e-8));
}

TEST_CASE("gate schedule: log_linear is even in exp(xi), exp_linear in log(xi)") {
  const auto log_linear = gate_thresholds("log_linear", 0, std::log(3.0), 3);
  REQUIRE(log_linear.size() == 3);
  CHECK(log_linear[0] == 0);
  CHECK(log_linear[1] == doctest::Approx(std::log(2.0)));
  CHECK(log_linear[2] == doctest::Approx(std::log(3.0)));
  const auto exp_linear = gate_thresholds("exp_linear", 1e-4, 1e-2, 3);
  REQUIRE(exp_linear.size() == 3);
  CHECK(exp_linear[0] == doctest::Approx(1e-4));
  CHECK(exp_linear[1] == doctest::Approx(1e-3));
  CHECK(exp_linear[2] == doctest::Approx(1e-2));
}

TEST_CASE("gate schedule: none and a single step are xi alone") {
  CHECK(gate_thresholds("none", 0.25, -1, -1) == std::vector<double>{0.25});
  CHECK(gate_thresholds("linear", 0.25, 0.5, 1) == std::vector<double>{0.25});
}

TEST_CASE("gate schedule: impossible lists are refused") {
  CHECK_THROWS_AS(gate_thresholds("cosine", 0, 1, 3), Error);
  CHECK_THROWS_WITH_AS(gate_thresholds("none", -1, 0, 0),
                       "[xi] -1; a number of at least 0 is wanted.", Error);
  CHECK_THROWS_AS(gate_thresholds("linear", 0, 1, 0), Error);
  CHECK_THROWS_AS(gate_thresholds("linear", 2, 1, 3), Error);
  CHECK_THROWS_AS(gate_thresholds("exp_linear", 0, 1, 3), Error);
  CHECK_THROWS_AS(gate_thresholds("log_linear", 0, 1e4, 3), Error);
}

}  // namespace
}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
