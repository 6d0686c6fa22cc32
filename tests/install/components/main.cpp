#include <fmt/format.h>
#include <soragrad/autograd/operators.h>
#include <soragrad/autograd/ops.h>

int main() {
  const soragrad::Variable x(soragrad::Tensor::from({3}, {1}), true);
  backward(sum(x * x));
  fmt::print("{}\n", x.grad());
}

// SPDX-License-Identifier: Apache-2.0
