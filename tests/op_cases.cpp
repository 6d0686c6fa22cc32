#include "tests/op_cases.h"

#include <algorithm>
#include <cmath>

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "core/error.h"
#include "core/normal.h"

namespace soragrad::test {

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> rows = [] {
    std::vector<OpCase> all;
    add_elementwise_cases(all);
    add_linear_cases(all);
    add_joint_cases(all);
    add_norm_cases(all);
    add_row_cases(all);
    add_attention_cases(all);
    add_loss_cases(all);
    add_pretraining_cases(all);
    return all;
  }();
  return rows;
}

std::vector<Variable> make_variables(const OpCase& row, Device device) {
  std::vector<Variable> variables;
  for (const OpInput& input : row.inputs) {
    variables.emplace_back(input.value.to(device), input.differentiable);
  }
  return variables;
}

Outcome run_case(const OpCase& row, const Call& call, Device device) {
  const std::vector<Variable> inputs = make_variables(row, device);
  const Variable y = call(inputs);
  require(y.device() == device, "[{}] left the device of its inputs.", row.op);
  const Variable cotangent(normal(y.shape(), 1000).to(device));
  backward(sum(mul(y, cotangent)));
  Outcome outcome{y.value().to_vector(), {}};
  for (const Variable& input : inputs) {
    const Tensor& grad = input.grad();
    require(!grad.defined() || grad.device() == device, "[{}] gradient left the device.", row.op);
    outcome.gradients.push_back(grad.defined() ? grad.to_vector() : std::vector<real>());
  }
  return outcome;
}

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

Tensor normal(const Shape& shape, uint64_t seed) {
  std::vector<real> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    const Philox4 words = philox({seed, random_site("op_cases"), 0}, i);
    values[i] = static_cast<real>(normal_of(words));
  }
  return Tensor::from(values, shape);
}

Tensor normal_off_zero(const Shape& shape, uint64_t seed, real gap) {
  std::vector<real> values = normal(shape, seed).to_vector();
  for (real& value : values) value += value < 0 ? -gap : gap;
  return Tensor::from(values, shape);
}

Tensor dropout_mask(const Shape& shape, double p, const RandomStream& stream, uint64_t first) {
  std::vector<real> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t word = first + i;
    const bool kept = philox(stream, word / 4).bits[word % 4] >= drop_threshold(p);
    values[i] = kept ? static_cast<real>(1 / (1 - p)) : real(0);
  }
  return Tensor::from(values, shape);
}

Variable constant(const std::vector<real>& values, const Shape& shape, Device device) {
  return Variable(Tensor::from(values, shape, device));
}

Variable one_hot(const std::vector<int64_t>& index, int64_t rows, Device device) {
  const int64_t n = static_cast<int64_t>(index.size());
  std::vector<real> values(static_cast<size_t>(n * rows));
  for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i * rows + index[i])] = 1;
  return constant(values, {n, rows}, device);
}

Tensor rounded(const Tensor& x) {
  std::vector<real> values = x.to_vector();
  for (real& value : values) {
    if (kReal == DType::f32) value = to_float(to_bfloat16(static_cast<float>(value)));
  }
  return Tensor::from(values, x.shape(), x.device());
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
