// Roles: the head and the layers are found through parents; paths split at the layer's number.
#include "nn/role.h"

#include <doctest/doctest.h>

#include "nn/linear.h"
#include "nn/module.h"

namespace soragrad::nn {
namespace {

struct Tree : Module {
  Module layer{this, "encoder.layer.3"};
  Linear query{&layer, "query", 2, 2};
  Module classifier{this, "classifier"};
  Module inner{&classifier, "inner"};
  Linear dense{&inner, "dense", 2, 2};

  Tree() {
    layer.set_role(Role::layer);
    query.set_role(Role::query);
    classifier.set_role(Role::head);
    inner.set_role(Role::head);
  }
};

}  // namespace

TEST_CASE("role: a module has that of its ancestors' head or layer") {
  const Tree tree;
  CHECK(is_head(tree.dense));
  CHECK(is_head(tree.dense.bias));
  CHECK_FALSE(is_head(tree.query.weight));
  CHECK(head_of(tree.dense.weight) == &tree.classifier);  // the outermost
  CHECK(head_of(tree.query.weight) == nullptr);
  CHECK(is_in_layer(tree.query.bias));
  CHECK(is_in_layer(tree.layer));
  CHECK_FALSE(is_in_layer(tree.dense.bias));
  CHECK(is_layer_linear(Role::query));
  CHECK(is_layer_linear(Role::output));
  CHECK_FALSE(is_layer_linear(Role::layer));
  CHECK_FALSE(is_layer_linear(Role::attention_probabilities));
}

TEST_CASE("split_layer: at the first number that is a part of its own") {
  const auto split = split_layer("deberta.encoder.layer.13.attention.self.query_proj");
  REQUIRE(split);
  CHECK(split->layer == 13);
  CHECK(split->within == "attention.self.query_proj");
  CHECK(split_layer("transformer.h.0.mlp")->within == "mlp");
  for (const char* path : {"", "classifier", "encoder.layer.3", "a.3b.c", "a.-3.c", "a..b",
                           "a.99999999999999999999.b"}) {
    CAPTURE(path);
    CHECK_FALSE(split_layer(path));
  }
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
