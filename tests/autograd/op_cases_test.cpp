// The rows of op_cases in the build's own precision: fused ops against composed ones, threads,
// devices.
#include "tests/op_cases.h"

#include <doctest/doctest.h>

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "core/parallel.h"
#include "tests/gpu.h"

namespace soragrad {
namespace {

using test::difference;
using test::Outcome;
using test::run_case;

void check_equal(const Outcome& actual, const Outcome& expected, double tolerance) {
  CHECK(difference(actual.value, expected.value) <= tolerance);
  CHECK(actual.gradients.size() == expected.gradients.size());
  for (size_t i = 0; i < expected.gradients.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(actual.gradients[i], expected.gradients[i]) <= tolerance);
  }
}

}  // namespace

TEST_CASE("op_cases: fused ops agree with composed ones") {
  int compared = 0;
  for (const test::OpCase& row : test::op_cases()) {
    if (!row.composed) continue;
    CAPTURE(row.op);
    CAPTURE(row.what);
    CAPTURE(row.reason);
    check_equal(run_case(row, row.call), run_case(row, row.composed), row.tolerance);
    ++compared;
  }
  CHECK(compared > 20);
}

TEST_CASE("op_cases: the number of threads changes no bit") {
  const int before = num_threads();
  for (const test::OpCase& row : test::op_cases()) {
    CAPTURE(row.op);
    CAPTURE(row.what);
    set_num_threads(1);
    const Outcome one = run_case(row, row.call);
    set_num_threads(2);
    const Outcome two = run_case(row, row.call);
    CHECK(one.value == two.value);
    CHECK(one.gradients == two.gradients);
  }
  set_num_threads(before);
}

TEST_CASE("op_cases: a frozen input gets no gradient") {
  for (const test::OpCase& row : test::op_cases()) {
    CAPTURE(row.op);
    CAPTURE(row.what);
    const std::vector<Variable> inputs = test::make_variables(row);
    const Variable y = row.call(inputs);
    CHECK(y.requires_grad());
    backward(sum(y));
    for (size_t i = 0; i < inputs.size(); ++i) {
      CHECK(inputs[i].grad().defined() == row.inputs[i].differentiable);
    }
  }
}

TEST_CASE("op_cases: inputs keep their values") {
  for (const test::OpCase& row : test::op_cases()) {
    CAPTURE(row.op);
    CAPTURE(row.what);
    const std::vector<Variable> inputs = test::make_variables(row);
    std::vector<std::vector<real>> before;
    for (const Variable& input : inputs) before.push_back(input.value().to_vector());
    backward(sum(row.call(inputs)));
    for (size_t i = 0; i < inputs.size(); ++i) CHECK(inputs[i].value().to_vector() == before[i]);
  }
}

TEST_CASE("op_cases: a GPU agrees with the CPU") {
  if (test::skipped_without_gpu()) return;
  for (const test::OpCase& row : test::op_cases()) {
    CAPTURE(row.op);
    CAPTURE(row.what);
    CAPTURE(row.reason);
    check_equal(run_case(row, row.call, Device::cuda), run_case(row, row.call), row.tolerance);
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
