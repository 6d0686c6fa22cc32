#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/ops.h"
#include "core/normal.h"
#include "core/rng.h"

namespace soragrad {
namespace {

// h: the truncation error h^4 / 30 f^(5) and the rounding error 1e-16 / h are then both about
// 1e-12.
constexpr double kStep = 2e-3;
constexpr double kFloor = 1e-3;  // if all derivatives of an input are smaller, errors are absolute

// N(0, 1).
Tensor random_like(const Tensor& like, uint64_t seed) {
  std::vector<real> values(static_cast<size_t>(like.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    const Philox4 words = philox({seed, random_site("gradcheck"), 0}, i);
    values[i] = static_cast<real>(normal_of(words));
  }
  return Tensor::from(values, like.shape(), like.device());
}

// f: the sum of y c, in double.
double weighted_sum(const Tensor& y, const std::vector<real>& c) {
  const std::vector<real> values = y.to_vector();
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += static_cast<double>(values[i]) * c[i];
  return sum;
}

// The finite differences of f at the inputs.
struct Difference {
  const DifferentiableFunction& function;
  std::vector<Variable>& inputs;
  const std::vector<real>& c;

  // f with one element of one input moved by `offset`. The input is restored.
  double at(size_t input, std::vector<real> values, size_t element, double offset) const {
    values[element] += static_cast<real>(offset);
    const Variable before = inputs[input];
    inputs[input] = Variable(Tensor::from(values, before.shape(), before.device()));
    const NoGrad no_grad;
    const double result = weighted_sum(function(inputs).value(), c);
    inputs[input] = before;
    return result;
  }

  double derivative(size_t input, const std::vector<real>& values, size_t element) const {
    const auto f = [&](double offset) { return at(input, values, element, offset); };
    return (f(-2 * kStep) - 8 * f(-kStep) + 8 * f(kStep) - f(2 * kStep)) / (12 * kStep);
  }
};

}  // namespace

GradcheckResult gradcheck(const DifferentiableFunction& function, std::span<const Variable> inputs,
                          uint64_t seed) {
  std::vector<Variable> leaves(inputs.begin(), inputs.end());
  for (Variable& input : leaves) input.zero_grad();
  const Variable y = function(leaves);
  const Tensor cotangent = random_like(y.value(), seed);
  backward(sum(mul(y, Variable(cotangent))));

  GradcheckResult result;
  const std::vector<real> c = cotangent.to_vector();
  const Difference difference{function, leaves, c};
  for (size_t input = 0; input < leaves.size(); ++input) {
    if (!leaves[input].requires_grad()) continue;
    const std::vector<real> values = leaves[input].value().to_vector();
    // No gradient arrived means that it is zero.
    std::vector<real> analytic(values.size());
    if (leaves[input].grad().defined()) analytic = leaves[input].grad().to_vector();
    std::vector<double> numeric(values.size());
    double largest = kFloor;
    for (size_t i = 0; i < values.size(); ++i) {
      numeric[i] = difference.derivative(input, values, i);
      largest = std::max(largest, std::abs(numeric[i]));
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const double error = std::abs(numeric[i] - static_cast<double>(analytic[i])) / largest;
      ++result.derivatives;
      if (error <= result.worst || std::isnan(result.worst)) continue;  // the first NaN is kept
      result.worst = error;
      result.where = fmt::format("input {}, element {}: {} by backward, {} by differences", input,
                                 i, analytic[i], numeric[i]);
    }
  }
  return result;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
