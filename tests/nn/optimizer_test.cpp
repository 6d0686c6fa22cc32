#include "nn/optim/optimizer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace soragrad::nn {
namespace {

// Three parameters of sizes that leave gaps in the flat buffer.
struct Toy : Module {
  Parameter weight{this, "dense.weight", {3, 5}};
  Parameter bias{this, "dense.bias", {3}};
  Parameter gate{this, "gate", {7}};

  Toy() {
    int64_t seed = 1;
    for (Parameter* parameter : {&weight, &bias, &gate}) {
      std::vector<real> values;
      for (int64_t i = 0; i < parameter->declared_shape().numel(); ++i) {
        values.push_back(static_cast<real>(std::sin(static_cast<double>(i + 7 * seed++))));
      }
      parameter->assign(Tensor::from(values, parameter->declared_shape()));
      parameter->set_requires_grad(true);
    }
  }
};

// The settings of the groups: the weight's; the bias has no decay, the gate has what follows.
struct Config {
  Update update = Update::adamw_torch;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.1, max_grad_norm = 0.1;
  Update gate_update = Update::adamw_torch;
  double gate_epsilon = 1e-6;
  Proximal proximal = Proximal::none;
};

std::vector<ParameterGroup> groups(Toy& toy, const Config& config = {}) {
  const ParameterGroup main{.parameters = {&toy.weight},
                            .beta1 = config.beta1,
                            .beta2 = config.beta2,
                            .epsilon = config.epsilon,
                            .weight_decay = config.weight_decay,
                            .update = config.update};
  ParameterGroup plain = main;
  plain.parameters = {&toy.bias};
  plain.weight_decay = 0;
  const ParameterGroup gates{.parameters = {&toy.gate},
                             .epsilon = config.gate_epsilon,
                             .update = config.gate_update,
                             .proximal = config.proximal};
  return {main, plain, gates};
}

void step(Optimizer& optimizer, double rate, double gate_rate, double xi) {
  const GroupStep steps[] = {{rate}, {rate}, {gate_rate, xi}};
  optimizer.prepare(steps);
  optimizer.update();
}

double gradient(int step, size_t i) {
  return std::cos(1.3 * step + 0.7 * static_cast<double>(i));
}

// The same three parameters one after another in double: weight (15), bias (3), gate (7).
struct Reference {
  Config config;
  std::vector<double> p, m, v;

  void step(int t, double rate, double gate_rate, double xi, const std::vector<double>& raw) {
    double norm = 0;
    for (const double g : raw) norm += g * g;
    norm = std::sqrt(norm);
    const double scale =
        config.max_grad_norm > 0 ? std::min(1.0, config.max_grad_norm / (norm + 1e-6)) : 1;
    for (size_t i = 0; i < p.size(); ++i) {
      const bool gate = i >= 18;
      const double lr = gate ? gate_rate : rate, g = scale * raw[i];
      const double decay = i < 15 ? config.weight_decay : 0;
      const double b1 = gate ? 0.9 : config.beta1, b2 = gate ? 0.999 : config.beta2;
      const double eps = gate ? config.gate_epsilon : config.epsilon;
      const Update update = gate ? config.gate_update : config.update;
      if (update == Update::sgd) {
        p[i] -= lr * (g + decay * p[i]);
      } else {
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * g * g;
        const double c1 = 1 - std::pow(b1, t), c2 = 1 - std::pow(b2, t);
        if (update == Update::adamw_torch) {
          p[i] -= lr * decay * p[i];
          p[i] -= lr / c1 * m[i] / (std::sqrt(v[i] / c2) + eps);
        } else {
          p[i] -= lr * std::sqrt(c2) / c1 * m[i] / (std::sqrt(v[i]) + eps);
          p[i] -= lr * decay * p[i];
        }
      }
      if (gate) p[i] = proximal(p[i], lr, xi);
    }
  }

  double proximal(double g, double lr, double xi) const {
    const double t = config.proximal == Proximal::released ? xi : lr * xi;
    if (config.proximal == Proximal::none || t <= 0) return g;
    if (config.proximal == Proximal::exact) {
      return std::copysign(std::max(std::abs(g) - t, 0.0), g);
    }
    if (g > t) g -= t;
    if (g < -t) g += t;
    return std::abs(g) < t ? 0 : g;
  }
};

std::vector<double> all_values(const Toy& toy) {
  std::vector<double> values;
  for (const Parameter* parameter : {&toy.weight, &toy.bias, &toy.gate}) {
    for (const real x : parameter->value().to_vector()) values.push_back(x);
  }
  return values;
}

// Ten steps beside the reference; returns how many gates ended as 0.
int run(const Config& config, double xi) {
  Toy toy;
  Reference reference{config, all_values(toy), std::vector<double>(25), std::vector<double>(25)};
  Optimizer optimizer(groups(toy, config), config.max_grad_norm);
  for (int t = 1; t <= 10; ++t) {
    std::vector<double> raw(25);
    for (size_t i = 0; i < raw.size(); ++i) raw[i] = gradient(t, i);
    size_t i = 0;
    for (Parameter* parameter : {&toy.weight, &toy.bias, &toy.gate}) {
      for (int64_t j = 0; j < parameter->value().numel(); ++j) {
        parameter->grad().data()[j] = static_cast<real>(raw[i++]);
      }
    }
    const double rate = 0.01 * t, gate_rate = 0.05 * (11 - t);
    step(optimizer, rate, gate_rate, xi);
    reference.step(t, rate, gate_rate, xi, raw);
    const std::vector<double> got = all_values(toy);
    for (size_t k = 0; k < got.size(); ++k) {
      CAPTURE(t);
      CAPTURE(k);
      CHECK(std::abs(got[k] - reference.p[k]) < 4e-6);  // float32 rounding of ten updates near 1
      CHECK((got[k] == 0) == (reference.p[k] == 0));
    }
  }
  CHECK(optimizer.steps() == 10);
  int zeros = 0;
  for (const real g : toy.gate.value().to_vector()) zeros += g == 0;
  return zeros;
}

TEST_CASE("optimizer: adamw_torch and adamw_hf follow their formulas") {
  for (const Update update : {Update::adamw_torch, Update::adamw_hf}) {
    Config config;
    config.update = config.gate_update = update;
    config.epsilon = 1e-3;  // large enough to tell where it stands
    config.gate_epsilon = 1e-2;
    config.max_grad_norm = 0;
    CHECK(run(config, 0) == 0);
  }
}

TEST_CASE("optimizer: clipping scales every group by the common norm") {
  Config config;
  config.epsilon = 1e-2;
  config.gate_update = Update::sgd;
  config.max_grad_norm = 0.5;
  CHECK(run(config, 0) == 0);
}

TEST_CASE("optimizer: every proximal operator follows the update of the gates") {
  Config config;
  config.max_grad_norm = 1;
  for (const Update update : {Update::adamw_torch, Update::adamw_hf, Update::sgd}) {
    config.gate_update = update;
    config.proximal = Proximal::exact;
    CHECK(run(config, 0.5) > 0);
    config.proximal = Proximal::released_lr;
    CHECK(run(config, 0.5) > 0);
    config.proximal = Proximal::released;
    CHECK(run(config, 0.08) > 0);
    CHECK(run(config, 0) == 0);
  }
}

TEST_CASE("optimizer: released acts where the rate is 0, the others do not") {
  for (const Proximal proximal : {Proximal::exact, Proximal::released, Proximal::released_lr}) {
    Toy toy;
    Config config;
    config.proximal = proximal;
    Optimizer optimizer(groups(toy, config), config.max_grad_norm);
    const std::vector<double> before = all_values(toy);
    step(optimizer, 0, 0, 0.1);
    CHECK((all_values(toy) == before) == (proximal != Proximal::released));
  }
}

TEST_CASE("optimizer: parameters and gradients become views that keep their values") {
  Toy toy;
  const std::vector<double> before = all_values(toy);
  Optimizer optimizer(groups(toy), 0.1);
  CHECK(all_values(toy) == before);
  for (const Parameter* parameter : {&toy.weight, &toy.bias, &toy.gate}) {
    CHECK(parameter->value().storage() == optimizer.values().storage());
    CHECK(parameter->grad().storage() == optimizer.grads().storage());
    CHECK(parameter->requires_grad());
  }
  toy.weight.grad().data()[4] = 3;
  toy.gate.grad().data()[0] = 4;
  optimizer.step(0);
  CHECK(optimizer.grad_norm().item<double>() == doctest::Approx(5));
  CHECK(optimizer.clip_scale().item() == doctest::Approx(0.1 / 5));
  optimizer.zero_grad();
  optimizer.step(0);
  CHECK(optimizer.grad_norm().item<double>() == 0);
  CHECK(optimizer.clip_scale().item() == 1);
}

TEST_CASE("optimizer: buffers and step count continue a run bit by bit") {
  const auto fill = [](Optimizer& optimizer, int step) {
    for (int64_t i = 0; i < optimizer.grads().numel(); ++i) {
      optimizer.grads().data()[i] = static_cast<real>(gradient(step, static_cast<size_t>(i)));
    }
  };
  Config config;
  config.proximal = Proximal::exact;
  Toy whole, cut;
  Optimizer one(groups(whole, config), config.max_grad_norm);
  for (int t = 1; t <= 6; ++t) {
    fill(one, t);
    step(one, 1e-2, 1e-2, 0.1);
    if (t != 3) continue;
    const Tensor values = one.values().clone(), m = one.first_moments().clone();
    const Tensor v = one.second_moments().clone();
    Optimizer two(groups(cut, config), config.max_grad_norm);
    REQUIRE(two.layout_hash() == one.layout_hash());
    two.values().copy_from(values);
    two.first_moments().copy_from(m);
    two.second_moments().copy_from(v);
    two.set_steps(3);
    for (int later = 4; later <= 6; ++later) {
      fill(two, later);
      step(two, 1e-2, 1e-2, 0.1);
    }
  }
  CHECK(all_values(whole) == all_values(cut));
}

TEST_CASE("optimizer: frozen, empty and repeated parameters are refused") {
  Toy toy;
  const auto make = [](std::vector<ParameterGroup> groups) { Optimizer(std::move(groups)); };
  CHECK_THROWS_WITH_AS(make({}), "[optimizer] no parameter trains.", Error);
  CHECK_THROWS_WITH_AS(make({ParameterGroup{}}), "[optimizer] no parameter trains.", Error);
  const ParameterGroup bias{.parameters = {&toy.bias}};
  CHECK_THROWS_WITH_AS(make({bias, bias}), "[optimizer] dense.bias is given twice.", Error);
  toy.bias.set_requires_grad(false);
  CHECK_THROWS_WITH_AS(make({bias}), "[optimizer] dense.bias is frozen.", Error);
  CHECK_THROWS_AS(update_of("adam"), Error);
  CHECK_THROWS_AS(proximal_of("soft"), Error);
}

TEST_CASE("optimizer: numbers out of range are refused by their name") {
  Toy toy;
  const double nan = std::nan("");
  const auto message = [&](const ParameterGroup& changed, double max_grad_norm = 0) {
    ParameterGroup group = changed;
    group.parameters = toy.parameters();
    try {
      const Optimizer made({group}, max_grad_norm);
      return std::string("accepted");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  CHECK(message({.learning_rate = -1}) ==
        "[learning_rate] -1 is out of range; expected a number of at least 0.");
  CHECK(message({.learning_rate = nan}).find("[learning_rate] nan is out of range;") == 0);
  CHECK(message({.beta1 = 1}).find("[beta1] 1 is out of range;") == 0);
  CHECK(message({.beta2 = 1.5}).find("[beta2] 1.5 is out of range;") == 0);
  CHECK(message({.epsilon = 0}).find("[epsilon] 0 is out of range;") == 0);
  CHECK(message({.weight_decay = -1}).find("[weight_decay] -1 is out of range;") == 0);
  CHECK(message({.xi = nan}).find("[xi] nan is out of range;") == 0);
  CHECK(message({}, -1).find("[max_grad_norm] -1 is out of range;") == 0);
  CHECK(message({}) == "accepted");
}

TEST_CASE("optimizer: what would train nothing, or read what is gone, is refused") {
  CHECK_THROWS_WITH_AS(Optimizer({{.parameters = {nullptr}}}),
                       "[optimizer] a parameter is null; find_parameter() gives null for a path "
                       "that no parameter has.",
                       Error);
  auto toy = std::make_unique<Toy>();
  Optimizer optimizer({{.parameters = toy->parameters()}});
  CHECK_THROWS_WITH_AS(
      optimizer.update(),
      "[optimizer] update() without prepare(); call prepare() before each update().", Error);
  CHECK_THROWS_AS(optimizer.step(NAN), Error);
  CHECK_THROWS_AS(optimizer.step(-1), Error);
  CHECK_THROWS_AS(optimizer.set_steps(-1), Error);
  optimizer.step();
  toy.reset();
  CHECK_THROWS_WITH_AS(optimizer.step(),
                       "[optimizer] the model was destroyed; it must outlive its optimizer.",
                       Error);
}

TEST_CASE("optimizer: a parameter that was frozen, unfrozen or assigned under it is refused") {
  Toy toy;
  Optimizer optimizer(groups(toy));
  optimizer.step();
  toy.bias.set_requires_grad(false);
  const std::string refusal =
      "[optimizer] dense.bias was frozen, unfrozen or assigned after its optimizer was made; make "
      "another one.";
  CHECK_THROWS_WITH_AS(optimizer.step(), refusal.c_str(), Error);
  toy.bias.set_requires_grad(true);
  CHECK_THROWS_WITH_AS(optimizer.step(), refusal.c_str(), Error);
  Optimizer another(groups(toy));
  another.step();
  toy.gate.assign(Tensor::zeros({7}));
  CHECK_THROWS_AS(another.step(), Error);
  CHECK(another.steps() == 1);
}

TEST_CASE("optimizer: a group of one's own has its own learning rate") {
  Toy toy;
  std::vector<ParameterGroup> groups = {{.parameters = toy.parameters(), .learning_rate = 0.1}};
  split_off(groups, [](const Parameter& p) { return p.name() == "gate"; }).learning_rate *= 16;
  REQUIRE(groups.size() == 2);
  Optimizer optimizer(groups);
  CHECK(optimizer.groups()[1].parameters == std::vector<Parameter*>{&toy.gate});
  const std::vector<double> before = all_values(toy);
  for (int64_t i = 0; i < optimizer.grads().numel(); ++i) optimizer.grads().data()[i] = 1;
  optimizer.step(0.5);  // Adam's first update is the rate, whatever the gradient
  const std::vector<double> after = all_values(toy);
  for (size_t i = 0; i < after.size(); ++i) {
    CHECK(before[i] - after[i] == doctest::Approx(i < 18 ? 0.05 : 0.8).epsilon(1e-4));
  }
}

TEST_CASE("optimizer: a group is split off whole and from one group only") {
  Toy toy;
  std::vector<ParameterGroup> parts = groups(toy);
  CHECK_THROWS_WITH_AS(split_off(parts, [](const Parameter&) { return false; }),
                       "[split_off] no trainable parameter is accepted.", Error);
  CHECK_THROWS_WITH_AS(split_off(parts, [](const Parameter&) { return true; }),
                       "[split_off] dense.weight and dense.bias are in groups of different "
                       "settings; split them one by one.",
                       Error);
  CHECK(parts[0].parameters.size() == 1);  // nothing was taken
}

TEST_CASE("optimizer: prepare() wants a rate for each group") {
  Toy toy;
  Optimizer optimizer(groups(toy));
  const GroupStep one[] = {{0.1}};
  CHECK_THROWS_WITH_AS(optimizer.prepare(one), "[optimizer] 1 rates for 3 groups.", Error);
}

TEST_CASE("optimizer: biases and LayerNorms are not decayed") {
  CHECK(is_decayed("deberta.encoder.layer.0.output.dense.weight"));
  CHECK(is_decayed("deberta.encoder.rel_embeddings.weight"));
  CHECK(is_decayed("deberta.encoder.layer.0.output.dense.lora_E"));
  CHECK(!is_decayed("classifier.bias"));
  CHECK(!is_decayed("deberta.encoder.LayerNorm.weight"));
  CHECK(!is_decayed("deberta.encoder.layer.0.output.dense.adapter_up.bias"));
}

}  // namespace
}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
