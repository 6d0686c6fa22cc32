#include "core/shape.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "core/error.h"

namespace soragrad {

TEST_CASE("shape: a scalar has one element and one row") {
  const Shape scalar;
  CHECK(scalar.rank() == 0);
  CHECK(scalar.numel() == 1);
  CHECK(scalar.rows() == 1);
  CHECK(to_string(scalar) == "()");
}

TEST_CASE("shape: rows are all sizes but the last, negative axes count from the end") {
  const Shape shape{8, 128, 768};
  CHECK(shape.numel() == 8 * 128 * 768);
  CHECK(shape.rows() == 8 * 128);
  CHECK(shape[-1] == 768);
  CHECK(shape[0] == 8);
  CHECK(fmt::format("{}", shape) == "(8, 128, 768)");
}

TEST_CASE("shape: an empty axis gives no elements") {
  CHECK(Shape{0, 5}.numel() == 0);
}

TEST_CASE("shape: shapes of other rank are not equal") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2} == Shape{2, 1});
}

TEST_CASE("shape: what no array can have is refused") {
  CHECK_THROWS_AS((Shape{2, -1}), Error);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1}), Error);
  const std::vector<int64_t> huge = {std::numeric_limits<int64_t>::max(), 2};
  CHECK_THROWS_AS(Shape{huge}, Error);
  const Shape matrix{2, 3};
  CHECK(matrix[-2] == 2);
  CHECK_THROWS_WITH_AS(matrix[2], "[shape] axis 2 of (2, 3), which has 2 axes.", Error);
  CHECK_THROWS_AS(matrix[-3], Error);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
