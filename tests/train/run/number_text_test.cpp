#include "train/run/number_text.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace soragrad::train;

TEST_CASE("number_text: NaN has no sign in a message, infinity and numbers do") {
  CHECK(number_text(std::nan("")) == "nan");
  CHECK(number_text(-std::nan("")) == "nan");
  CHECK(number_text(-INFINITY) == "-inf");
  CHECK(number_text(-0.5) == "-0.5");
}

TEST_CASE("number_text: a duration is rounded to seconds") {
  CHECK(duration_text(11.5) == "12 s");
  CHECK(duration_text(59.6) == "1:00");
  CHECK(duration_text(3723) == "1:02:03");
}

// SPDX-License-Identifier: Apache-2.0
