// Every row of op_cases on emulated CUDA against the CPU: values and all gradients, within the
// row's own tolerance. Both compute in float and differ only in the order of sums.
#include "tests/op_cases.h"

#include <doctest/doctest.h>

#include "tests/cuda_emulation/cuda_emulation.h"

namespace soragrad {
namespace {

using test::difference;
using test::Outcome;

Outcome run(const test::OpCase& row, Device device) {
  return test::run_case(row, row.call, device);
}

}  // namespace

TEST_CASE("op_cases: emulated CUDA agrees with the CPU") {
  int compared = 0;
  for (const test::OpCase& row : test::op_cases()) {
    CAPTURE(row.op);
    CAPTURE(row.what);
    CAPTURE(row.reason);
    const Outcome expected = run(row, Device::cpu);
    const int64_t before = cuda_emulation::launches();
    const Outcome actual = run(row, Device::cuda);
    CHECK(cuda_emulation::launches() > before);
    CHECK(difference(actual.value, expected.value) <= row.tolerance);
    for (size_t i = 0; i < expected.gradients.size(); ++i) {
      CAPTURE(i);
      CHECK(difference(actual.gradients[i], expected.gradients[i]) <= row.tolerance);
    }
    ++compared;
  }
  CHECK(compared == static_cast<int>(test::op_cases().size()));
  CHECK(compared > 50);
}

TEST_CASE("op_cases: the order of emulated threads and blocks changes no bit") {
  for (const test::OpCase& row : test::op_cases()) {
    CAPTURE(row.op);
    CAPTURE(row.what);
    const Outcome forward = run(row, Device::cuda);
    cuda_emulation::set_order(cuda_emulation::Order::backward);
    const Outcome backward = run(row, Device::cuda);
    cuda_emulation::set_order(cuda_emulation::Order::forward);
    CHECK(forward.value == backward.value);
    CHECK(forward.gradients == backward.gradients);
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
