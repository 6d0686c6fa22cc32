// Every SIMD target that this processor runs: the same random words, results within rounding.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/core/kernels/simd_test.cpp"
#include "core/kernels/simd.h"
// Above: the targets the kernels are compiled for; simd.h explains.

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/kernels/elementwise/dropout.h"
#include "core/kernels/elementwise/unary.h"
#include "core/kernels/norm/layer_norm.h"

#if HWY_ONCE

namespace soragrad {
namespace {

// Runs body once a target, the best first.
template <typename Body>
int for_targets(Body body) {
  int targets = 0;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().DeInit();
    CAPTURE(hwy::TargetName(target));
    body();
    ++targets;
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
  return targets;
}

constexpr RandomStream kStream{.seed = 0xfeedfacecafebeefull, .site = 0xffffffffu, .step = 9};

}  // namespace

TEST_CASE("simd: dropout draws the words of Philox, wherever a vector begins or ends") {
  // 40000 is more than a task; rows of 13 begin within blocks.
  for (const int64_t n : {1, 3, 4, 5, 31, 32, 33, 1023, 1025, 40000}) {
    const std::vector<real> x(static_cast<size_t>(n), 1);
    std::vector<real> expected;
    for (uint64_t i = 0; i < static_cast<uint64_t>(n); ++i) {
      const bool kept = philox(kStream, i / 4).bits[i % 4] >= drop_threshold(0.4);
      expected.push_back(kept ? real(2) : real(0));
    }
    const int targets = for_targets([&] {
      std::vector<real> y(x.size());
      kernels::dropout(Device::cpu, {x.data(), y.data(), n, drop_threshold(0.4), 2, kStream});
      CHECK(y == expected);
    });
    CHECK(targets >= 1);
  }
}

TEST_CASE("simd: rows that begin within a block of Philox draw their own words") {
  constexpr int64_t kRows = 9, kHidden = 13;
  const std::vector<real> x(kRows * kHidden, 1), zero(kRows * kHidden, 0), weight(kHidden, 1);
  for_targets([&] {
    std::vector<real> y(x.size()), normalised(x.size());
    kernels::layer_norm(Device::cpu, {.x = x.data(),
                                      .residual = zero.data(),
                                      .weight = weight.data(),
                                      .bias = zero.data(),
                                      .y = y.data(),
                                      .rows = kRows,
                                      .hidden = kHidden,
                                      .eps = real(1e-5),
                                      .drop_threshold = drop_threshold(0.4),
                                      .keep_scale = 2,
                                      .stream = kStream});
    for (uint64_t i = 0; i < y.size(); ++i) {  // kept elements lie above the row's mean
      const bool kept = philox(kStream, i / 4).bits[i % 4] >= drop_threshold(0.4);
      CHECK((y[i] > 0) == kept);
    }
  });
}

TEST_CASE("simd: gelu is the same within rounding on all targets") {
  std::vector<real> x;
  for (double value = -14; value < 14; value += 0.013) x.push_back(static_cast<real>(value));
  for_targets([&] {
    std::vector<real> y(x.size());
    kernels::gelu(Device::cpu, {x.data(), y.data(), static_cast<int64_t>(x.size())});
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = 0.5 * x[i] * std::erfc(-x[i] / std::sqrt(2.0));
      CHECK(std::abs(y[i] - exact) <= 4e-7 * std::abs(exact) + 1e-44);
    }
  });
}

}  // namespace soragrad

#endif

// SPDX-License-Identifier: Apache-2.0
