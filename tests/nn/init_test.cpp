#include "nn/init.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "nn/layers.h"
#include "nn/linear.h"

namespace soragrad::nn {
namespace {

struct Network : Module {
  Linear dense{this, "dense", 16, 8};
  LayerNorm norm{this, "norm", 8, 1e-5};
};

}  // namespace

TEST_CASE("initialize: every parameter has a value and trains") {
  Network network;
  initialize(network, 1);
  for (const Parameter* parameter : network.parameters()) {
    CHECK(parameter->requires_grad());
    CHECK(parameter->shape() == parameter->declared_shape());
  }
  CHECK(network.norm.weight.value().to_vector() == std::vector<real>(8, 1));
  CHECK(network.norm.bias.value().to_vector() == std::vector<real>(8, 0));
  CHECK(network.dense.bias.value().to_vector() == std::vector<real>(8, 0));
  const std::vector<real> weight = network.dense.weight.value().to_vector();
  const auto [least, greatest] = std::minmax_element(weight.begin(), weight.end());
  CHECK(*least >= real(-0.25));
  CHECK(*greatest <= real(0.25));
  CHECK(*greatest - *least > real(0.4));  // 128 draws of U(-1/4, 1/4)
}

TEST_CASE("initialize: values follow from seed and path alone") {
  Network first, again, other;
  initialize(first, 1);
  initialize(again, 1);
  initialize(other, 2);
  const std::vector<real> drawn = first.dense.weight.value().to_vector();
  CHECK(again.dense.weight.value().to_vector() == drawn);
  CHECK(other.dense.weight.value().to_vector() != drawn);
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
