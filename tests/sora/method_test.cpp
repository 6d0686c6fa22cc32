#include "sora/method.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "sora/gated_delta.h"
#include "sora/merge.h"
#include "sora/targets.h"
#include "tests/sora/toy_model.h"

namespace soragrad::sora {
namespace {

std::set<std::string> trainable(nn::Module& model) {
  std::set<std::string> names;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    if (parameter.requires_grad()) names.insert(parameter.path());
  });
  return names;
}

TEST_CASE("targets: a star stands for letters of one part of a name") {
  const std::string layer = "deberta.encoder.layer.11.";
  CHECK(matches(layer + "output.dense", "layer.*.output.dense"));
  CHECK_FALSE(matches(layer + "attention.output.dense", "layer.*.output.dense"));
  CHECK(matches(layer + "attention.output.dense", "output.dense"));
  CHECK(matches(layer + "attention.self.query_proj", "self.query*"));
  CHECK(matches("roberta.encoder.layer.0.attention.self.query", "self.query*"));
  CHECK_FALSE(matches(layer + "attention.self.key_proj", "self.query*"));
  CHECK(matches("dense", "dense"));
  CHECK(matches("dense", "*"));
  CHECK(matches("a.bcb", "*b*b"));
  CHECK_FALSE(matches("dense", "*.dense"));
  CHECK_FALSE(matches("a.dense", "b.a.dense"));
  CHECK_FALSE(matches("undense", "dense"));
}

TEST_CASE("targets: the default is the six Linears of each layer, under both models' names") {
  for (const bool deberta : {true, false}) {
    ToyModel model(deberta);
    const auto found = find_targets(model, {});
    REQUIRE(found.size() == 12);
    CHECK(found[0] == &model.layers[0]->query);
    CHECK(found[3] == &model.layers[0]->attention_dense);
    CHECK(found[5] == &model.layers[0]->output_dense);
    CHECK(found[11] == &model.layers[1]->output_dense);
  }
}

TEST_CASE("targets: a suffix matches whole names only and never the head") {
  ToyModel model;
  CHECK(find_targets(model, {"query_proj", "value_proj"}).size() == 4);
  CHECK(find_targets(model, {"output.dense"}).size() == 4);
  CHECK(find_targets(model, {"dense"}).size() == 6);
  CHECK(find_targets(model, {"layer.1.output.dense"}).size() == 1);
  CHECK(find_targets(model, {"deberta.encoder.layer.0.intermediate.dense"}).size() == 1);
  CHECK_THROWS_WITH_AS(
      find_targets(model, {"query_proj", "proj"}),
      "[target_modules] \"proj\" matches no Linear; there are "
      "attention.output.dense, attention.self.key_proj, attention.self.query_proj, "
      "attention.self.value_proj, intermediate.dense, output.dense.",
      Error);
  CHECK_THROWS_AS(find_targets(model, {"classifier"}), Error);
}

TEST_CASE("sora: names, shapes and initial values") {
  ToyModel model;
  const std::vector<real> before = model.logits();
  const auto method = make_method({.method = "sora", .r = 4});
  method->attach(model, 1);
  CHECK(model.logits() == before);  // lora_B is 0
  const auto names = trainable(model);
  CHECK(names.size() == 3 * 12 + 4);
  const std::string path = "deberta.encoder.layer.1.output.dense.";
  const nn::Parameter* a = model.find_parameter(path + "lora_A.weight");
  const nn::Parameter* b = model.find_parameter(path + "lora_B.weight");
  const nn::Parameter* gate = model.find_parameter(path + "gate");
  REQUIRE((a && b && gate));
  CHECK(a->shape() == Shape{4, kIntermediate});
  CHECK(b->shape() == Shape{kHidden, 4});
  CHECK(gate->shape() == Shape{4});
  const auto values = a->value().to_vector();
  const real largest = *std::max_element(values.begin(), values.end());
  CHECK(largest <= 1 / std::sqrt(real(kIntermediate)));
  CHECK(largest > 0.8 / std::sqrt(real(kIntermediate)));
  const auto zeros = b->value().to_vector();
  CHECK(std::count(zeros.begin(), zeros.end(), real(0)) == kHidden * 4);
  CHECK(method->sparsity().total == 12 * 4);
  CHECK(method->sparsity().zero == 0);
}

TEST_CASE("sora: the delta is factor * ((x A^T) * gate) B^T") {
  ToyModel model;
  make_method({.method = "sora", .r = 3, .lora_alpha = 6, .target_modules = {"intermediate.dense"}})
      ->attach(model, 1);
  nn::Linear& linear = model.layers[0]->intermediate_dense;
  auto& delta = dynamic_cast<GatedDelta&>(*linear.delta());
  fill(delta.b, 1, 2);
  const Tensor x = nn::normal({4, kHidden}, 1, 3, "x");
  const auto y = linear.forward(Variable(x), {}).value().to_vector();
  for (int64_t row = 0; row < 4; ++row) {
    for (int64_t o = 0; o < kIntermediate; ++o) {
      double expected = linear.bias.value().data()[o];
      for (int64_t i = 0; i < kHidden; ++i) {
        double weight = linear.weight.value().data()[o * kHidden + i];
        for (int64_t k = 0; k < 3; ++k) {
          weight += 6.0 / 3 * double{delta.b.value().data()[o * 3 + k]} *
                    delta.gate->value().data()[k] * delta.a.value().data()[k * kHidden + i];
        }
        expected += weight * x.data()[row * kHidden + i];
      }
      CHECK(y[static_cast<size_t>(row * kIntermediate + o)] ==
            doctest::Approx(expected).epsilon(1e-5));
    }
  }
}

TEST_CASE("sora: the regularizer is sparse_lambda times the mean absolute gate") {
  ToyModel model;
  const auto method = make_method({.method = "sora", .r = 4, .sparse_lambda = 10});
  method->attach(model, 1);
  double sum = 0;
  for (const GatedDelta* delta : gated_deltas(model)) {
    for (const real g : delta->gate->value().to_vector()) sum += std::abs(g);
  }
  const Variable regularizer = method->regularizer();
  CHECK(regularizer.value().item() == doctest::Approx(10 * sum / 48));
  backward(regularizer);
  const GatedDelta& first = *gated_deltas(model).front();
  const real sign = first.gate->value().data()[0] > 0 ? 1 : -1;
  CHECK(first.gate->grad().data()[0] == doctest::Approx(sign * 10 / 48.0));
  ToyModel other;
  const auto plain = make_method({});
  plain->attach(other, 1);
  CHECK(!plain->regularizer().defined());
}

TEST_CASE("lora: no gates, and dropout acts in training only") {
  ToyModel model;
  const auto method = make_method({.method = "lora", .r = 2, .lora_dropout = 0.5});
  method->attach(model, 1);
  CHECK(trainable(model).size() == 2 * 12 + 4);
  nn::Linear& linear = model.layers[0]->query;
  auto& delta = dynamic_cast<GatedDelta&>(*linear.delta());
  CHECK(!delta.gate);
  fill(delta.b, 1, 2);
  const Variable x(nn::normal({4, kHidden}, 1, 3, "x"));
  const auto calm = linear.forward(x, {}).value().to_vector();
  CHECK(linear.forward(x, {.training = true, .seed = 1, .step = 0}).value().to_vector() != calm);
  CHECK(linear.forward(x, {.training = false, .seed = 1, .step = 0}).value().to_vector() == calm);
}

TEST_CASE("houlsby and pfeiffer: places, names, and y + up(act(down(y)))") {
  for (const std::string name : {"houlsby", "pfeiffer"}) {
    ToyModel model;
    make_method(
        {.method = name, .train_head = false, .bottleneck = 3, .adapter_activation = "relu"})
        ->attach(model, 1);
    CHECK(trainable(model).size() == (name == "houlsby" ? 16u : 8u));
    CHECK((model.layers[0]->attention_dense.delta() != nullptr) == (name == "houlsby"));
    nn::Linear& linear = model.layers[1]->output_dense;
    const std::string path = linear.path();
    nn::Parameter* down = model.find_parameter(path + ".adapter_down.weight");
    nn::Parameter* up = model.find_parameter(path + ".adapter_up.weight");
    nn::Parameter* up_bias = model.find_parameter(path + ".adapter_up.bias");
    REQUIRE((down && up && up_bias && model.find_parameter(path + ".adapter_down.bias")));
    CHECK(down->shape() == Shape{3, kHidden});
    CHECK(up->shape() == Shape{kHidden, 3});
    fill(*down, 1, 4);
    fill(*up, 1, 4);
    fill(*up_bias, 1, 4);
    const Variable x(nn::normal({2, kIntermediate}, 1, 3, "x"));
    const auto y = linear.forward(x, {}).value().to_vector();
    const auto base = soragrad::linear(x, linear.weight, linear.bias).value().to_vector();
    double expected = base[1] + up_bias->value().data()[1];
    for (int64_t k = 0; k < 3; ++k) {
      double h = 0;
      for (int64_t i = 0; i < kHidden; ++i) {
        h += down->value().data()[k * kHidden + i] * base[static_cast<size_t>(i)];
      }
      expected += up->value().data()[3 + k] * std::max(h, 0.0);
    }
    CHECK(y[1] == doctest::Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("bitfit: the biases of the layers, and the head where it trains") {
  ToyModel model;
  make_method({.method = "bitfit", .train_head = false})->attach(model, 1);
  const auto names = trainable(model);
  CHECK(names.size() == 2 * 8);
  CHECK(names.count("deberta.encoder.layer.0.intermediate.dense.bias"));
  CHECK(names.count("deberta.encoder.layer.1.attention.output.LayerNorm.bias"));
  CHECK(!names.count("deberta.embeddings.LayerNorm.bias"));
  ToyModel with_head;
  make_method({.method = "bitfit"})->attach(with_head, 1);
  CHECK(trainable(with_head).size() == 2 * 8 + 4);
  CHECK(adapter_parameters(model).size() == 2 * 8 + 4);  // a frozen head is stored too
}

TEST_CASE("full: everything trains") {
  ToyModel model;
  const auto method = make_method({.method = "full", .train_head = false});
  method->attach(model, 1);
  CHECK(trainable(model).size() == model.parameters().size());
  CHECK(method->counts().head == kHidden * kHidden + kHidden + kLabels * kHidden + kLabels);
}

TEST_CASE("method: wrong names and values are refused with key and value") {
  CHECK_THROWS_WITH_AS(make_method({.method = "prefix"}),
                       "[method] \"prefix\" is not known; use one of sora, lora, adalora, houlsby, "
                       "pfeiffer, bitfit, full.",
                       Error);
  CHECK_THROWS_WITH_AS(make_method({.r = 0}),
                       "[r] 0 is out of range; expected a whole number from 1 to 65536.", Error);
  CHECK_THROWS_AS(make_method({.lora_dropout = 1}), Error);
  CHECK_THROWS_AS(make_method({.xi = -1}), Error);
  CHECK_THROWS_AS(make_method({.proximal = "soft"}), Error);
  CHECK_THROWS_AS(make_method({.sparse_optim = "adam"}), Error);
  CHECK_THROWS_AS(make_method({.method = "adalora", .init_r = 2, .target_r = 3}), Error);
  CHECK_THROWS_AS(make_method({.method = "houlsby", .adapter_activation = "tanh"}), Error);
}

TEST_CASE("method: a model takes one adapter only") {
  ToyModel model;
  const auto method = make_method({});
  method->attach(model, 1);
  CHECK_THROWS_AS(method->attach(model, 1), Error);
  CHECK_THROWS_AS(make_method({.method = "lora"})->attach(model, 1), Error);
}

TEST_CASE("method: an attach() that throws leaves the model as it was") {
  ToyModel model;
  for (nn::Parameter* parameter : model.parameters()) parameter->set_requires_grad(true);
  const std::string known = "deberta.encoder.layer.0.output.dense";
  MethodConfig config{.method = "lora"};
  config.modules = {{known, 2, 1}, {"deberta.encoder.layer.7.output.dense", 2, 1}};
  CHECK_THROWS_AS(make_method(config)->attach(model, 1), Error);
  CHECK(gated_deltas(model).empty());
  CHECK(trainable(model).size() == model.parameters().size());
  config.modules->pop_back();
  make_method(config)->attach(model, 1);
  CHECK(gated_deltas(model).size() == 1);
}

TEST_CASE("method: after a merge it has no gates, and before attach() no model") {
  ToyModel model;
  const auto method = make_method({.method = "sora", .r = 4});
  CHECK_THROWS_WITH_AS(method->sparsity(), "[sora] the method has no model; call attach() first.",
                       Error);
  method->attach(model, 1);
  CHECK(method->sparsity().total == 48);
  merge(model);
  CHECK(method->sparsity().total == 0);
  CHECK(method->ranks().empty());
  CHECK(method->counts().stored == 0);
}

}  // namespace
}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
