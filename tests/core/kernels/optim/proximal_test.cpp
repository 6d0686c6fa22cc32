#include "core/kernels/optim/proximal.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace soragrad::kernels {

// Powers of two, so that the arithmetic is exact.
constexpr real t = real(0.25);

TEST_CASE("proximal: exact shrinks towards zero and stops there") {
  CHECK(soft_threshold(1, t) == real(0.75));
  CHECK(soft_threshold(-1, t) == real(-0.75));
  CHECK(soft_threshold(real(0.3125), t) == real(0.0625));
  CHECK(soft_threshold(real(0.125), t) == 0);
  CHECK(soft_threshold(real(-0.125), t) == 0);
  CHECK(soft_threshold(t, t) == 0);
  CHECK(soft_threshold(-t, t) == 0);
  CHECK(soft_threshold(0, t) == 0);
}

TEST_CASE("proximal: released sets what lies below twice the threshold to zero") {
  CHECK(released_threshold(1, t) == real(0.75));
  CHECK(released_threshold(-1, t) == real(-0.75));
  CHECK(released_threshold(real(0.375), t) == 0);  // 0.375 - 0.25 < 0.25
  CHECK(released_threshold(real(-0.375), t) == 0);
  CHECK(released_threshold(real(0.125), t) == 0);
  CHECK(released_threshold(0, t) == 0);
}

TEST_CASE("proximal: released leaves exactly the threshold and twice the threshold standing") {
  CHECK(released_threshold(t, t) == t);  // neither above nor below it
  CHECK(released_threshold(-t, t) == -t);
  CHECK(released_threshold(2 * t, t) == t);  // t is not below t
  CHECK(released_threshold(-2 * t, t) == -t);
}

TEST_CASE("proximal: nothing happens for a threshold that is not positive") {
  for (const Proximal proximal : {Proximal::none, Proximal::exact, Proximal::released}) {
    CHECK(apply_proximal(proximal, real(0.1), 0) == real(0.1));
    CHECK(apply_proximal(proximal, real(0.1), -1) == real(0.1));
    CHECK(apply_proximal(proximal, real(0.1), std::nan("")) == real(0.1));
  }
  CHECK(apply_proximal(Proximal::none, real(0.1), 1) == real(0.1));
  CHECK(apply_proximal(Proximal::exact, real(0.1), 1) == 0);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
