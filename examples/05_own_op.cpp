// 05_own_op: an op that the library does not have, with its gradient, proved by differences.
//
//   softplus(x) = log(1 + exp(x)),   d softplus / dx = 1 / (1 + exp(-x))
//
//   $ ./05_own_op
//   y  = tensor([2.06115e-09,    0.693147,     1.31326], shape=(3), F32, cpu, requires_grad)
//   dx = tensor([2.06115e-09,         0.5,    0.731059], shape=(3), F32, cpu)
//   32 derivatives compared; the worst differs by less than 0.001
#include <fmt/format.h>
#include <soragrad/soragrad.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

using namespace soragrad;

// Applies a function to each element, on all threads.
Tensor map(const Tensor& x, const std::function<real(real)>& function) {
  Tensor y = Tensor::empty_like(x);
  const auto from = x.elements(), to = y.elements();
  parallel_chunks(x.numel(), 4096, [&](int64_t begin, int64_t end) {
    std::transform(from.begin() + begin, from.begin() + end, to.begin() + begin, function);
  });
  return y;
}

// An op computes its value and tells record() how a gradient passes through it. The closure is kept
// until backward(), so it captures Tensors that the gradient reads, never Variables.
Variable softplus(const Variable& x) {
  const Tensor input = x.value();
  // The larger of 0 and x is taken out of the logarithm: exp overflows above 88.
  Tensor y =
      map(input, [](real v) { return std::max(v, real(0)) + std::log1p(std::exp(-std::abs(v))); });
  return record("softplus", y, {x}, [input](const Tensor& dy, Gradients& gradients) {
    const Tensor slope = map(input, [](real v) { return 1 / (1 + std::exp(-v)); });
    gradients.add(0, (Variable(dy) * Variable(slope)).value());  // nothing is recorded in here
  });
}

int main() {
  const Variable x(Tensor::from({-20, 0, 1}, {3}), true);
  const Variable y = softplus(x);
  fmt::print("y  = {}\n", y);
  backward(sum(y));
  fmt::print("dx = {}\n", x.grad());

  // gradcheck() compares backward() with five-point differences. In float these are right to about
  // four digits.
  const Variable random(nn::normal({4, 8}, 1, 42, "x"), true);
  const std::vector<Variable> inputs = {random};
  const GradcheckResult result =
      gradcheck([](std::span<const Variable> in) { return softplus(in[0] * in[0]); }, inputs);
  fmt::print("{} derivatives compared; the worst differs by {}\n", result.derivatives,
             result.worst < 1e-3 ? "less than 0.001" : result.where);
  return result.worst < 1e-3 ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
