// Every row of op_cases on emulated CUDA against the CPU: values and all gradients, within the
// row's own tolerance. Both compute in float and differ in the order of sums alone.
#include "tests/op_cases.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "tests/cuda_emulation/cuda_emulation.h"

namespace soragrad {
namespace {

struct Outcome {
  std::vector<real> value;
  std::vector<std::vector<real>> gradients;  // empty for frozen inputs
};

Outcome run(const testing::OpCase& row, Device device) {
  const std::vector<Variable> inputs = testing::make_variables(row, device);
  const Variable y = row.call(inputs);
  CHECK(y.device() == device);
  const Variable cotangent(testing::normal(y.shape(), 1000).to(device));
  backward(sum(mul(y, cotangent)));
  Outcome outcome{y.value().to_vector(), {}};
  for (const Variable& input : inputs) {
    const Tensor& grad = input.grad();
    CHECK((!grad.defined() || grad.device() == device));
    outcome.gradients.push_back(grad.defined() ? grad.to_vector() : std::vector<real>());
  }
  return outcome;
}

// Largest difference over the largest element of `expected`; infinite where sizes differ.
double difference(const std::vector<real>& actual, const std::vector<real>& expected) {
  if (actual.size() != expected.size()) return INFINITY;
  double largest = 1e-3, worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    worst = error <= worst ? worst : error;  // a NaN is kept
  }
  return worst / largest;
}

}  // namespace

TEST_CASE("op_cases: emulated CUDA agrees with the CPU") {
  int compared = 0;
  for (const testing::OpCase& row : testing::op_cases()) {
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
  CHECK(compared == static_cast<int>(testing::op_cases().size()));
  CHECK(compared > 50);
}

TEST_CASE("op_cases: the order of emulated threads and blocks changes no bit") {
  for (const testing::OpCase& row : testing::op_cases()) {
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
