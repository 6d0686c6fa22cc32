#include "nn/activation.h"

#include <doctest/doctest.h>

#include <vector>

#include "autograd/ops.h"

namespace soragrad::nn {

TEST_CASE("activation: names, and other names of the same function") {
  for (const char* name : {"gelu", "gelu_new", "relu", "tanh"}) {
    REQUIRE(find_activation(name));
    CHECK(name_of(*find_activation(name)) == name);
  }
  CHECK(find_activation("gelu_python") == Activation::gelu);
  CHECK(find_activation("gelu_pytorch_tanh") == Activation::gelu_new);
  CHECK_FALSE(find_activation("silu"));
  CHECK_FALSE(find_activation(""));
  CHECK(activation_names() == "gelu, gelu_new, relu and tanh");
}

TEST_CASE("activation: each computes its own op") {
  const Variable x(Tensor::from(std::vector<real>{-2, -0.5, 0, 1, 3}, {5}));
  CHECK(activate(Activation::gelu, x).value().to_vector() == gelu(x).value().to_vector());
  CHECK(activate(Activation::gelu_new, x).value().to_vector() == gelu_new(x).value().to_vector());
  CHECK(activate(Activation::relu, x).value().to_vector() == relu(x).value().to_vector());
  CHECK(activate(Activation::tanh, x).value().to_vector() == tanh(x).value().to_vector());
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
