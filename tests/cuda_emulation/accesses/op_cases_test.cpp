// Every row of op_cases by the arithmetic of a GPU against the CPU. The watcher looks for races.
#include <doctest/doctest.h>

#include "tests/cuda_emulation/cuda_emulation.h"
#include "tests/op_cases.h"

namespace soragrad {

TEST_CASE("op_cases: a GPU's arithmetic agrees with the CPU's") {
  for (const test::OpCase& row : test::op_cases()) {
    CAPTURE(row.op);
    CAPTURE(row.what);
    CAPTURE(row.reason);
    const test::Outcome expected = test::run_case(row, row.call, Device::cpu);
    const test::Outcome actual = test::run_case(row, row.call, Device::cuda);
    CHECK(test::difference(actual.value, expected.value) <= row.tolerance);
    REQUIRE(actual.gradients.size() == expected.gradients.size());
    for (size_t i = 0; i < expected.gradients.size(); ++i) {
      CAPTURE(i);
      CHECK(test::difference(actual.gradients[i], expected.gradients[i]) <= row.tolerance);
    }
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
