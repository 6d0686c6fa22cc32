#include "nn/linear.h"

#include <doctest/doctest.h>

namespace soragrad::nn {
TEST_CASE("linear: a module without a parent, and a parameter without an owner, are refused") {
  CHECK_THROWS_WITH_AS(Linear(nullptr, "a", 2, 2),
                       "[module] \"a\" has no parent; give it one, as in dense(this, \"dense\", 8, "
                       "8).",
                       Error);
  CHECK_THROWS_WITH_AS(Parameter(nullptr, "a", {2}),
                       "[module] the parameter \"a\" has no owner; give it a module.", Error);
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
