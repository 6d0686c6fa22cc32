// The order of an update, what the tuner refuses, phases, files and exact resumes.
#include "sora/tuner.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <memory>

#include "sora/base_method.h"
#include "tests/files.h"
#include "tests/sora/toy_model.h"

namespace soragrad::sora {
namespace {

using test::message_of;

TunerSettings settings(int64_t steps = 20) {
  return {.learning_rate = 0.01, .max_grad_norm = 1, .total_steps = steps};
}

// Losses of further steps.
std::vector<real> train(ToyModel& model, Tuner& tuner, int64_t steps) {
  std::vector<real> losses;
  for (int64_t i = 0; i < steps; ++i) {
    const Variable loss = model.loss(tuner.pass());
    losses.push_back(loss.value().item());
    tuner.step(loss);
  }
  return losses;
}

TEST_CASE("tuner: a step that an exception has ended can begin anew") {
  ToyModel left, right;
  Tuner a(left, MethodConfig{.r = 4}, settings()), b(right, MethodConfig{.r = 4}, settings());
  train(left, a, 2);
  train(right, b, 2);
  a.backward(left.loss(a.pass()), 2);  // the second part never comes
  CHECK_THROWS_AS(a.begin_phase(5, 0.1), Error);
  a.abandon_step();
  static_cast<void>(a.pass());  // and a forward pass that ends in an exception
  a.abandon_step();
  CHECK(train(left, a, 3) == train(right, b, 3));
  CHECK(left.logits() == right.logits());
}

TEST_CASE("tuner: a phase needs a threshold that is one") {
  ToyModel model;
  Tuner tuner(model, MethodConfig{.r = 4}, settings());
  CHECK_THROWS_AS(tuner.begin_phase(3, -5), Error);
  CHECK_THROWS_AS(tuner.begin_phase(3, NAN), Error);
  tuner.begin_phase(3, 0.5);
}

TEST_CASE("tuner: without its model it refuses instead of reading what is gone") {
  auto model = std::make_unique<ToyModel>();
  Tuner tuner(*model, {}, settings());  // all keys have defaults
  model.reset();
  const std::string gone = "[tuner] the model was destroyed; it must outlive its tuner.";
  CHECK(message_of([&] { tuner.load("anywhere"); }) == gone);
  CHECK(message_of([&] { tuner.abandon_step(); }) == gone);
  CHECK(message_of([&] { tuner.method().counts(); }) ==
        "[sora] the model was destroyed; it must outlive its method.");
}

TEST_CASE("tuner: every method lowers the loss") {
  for (const std::string& name : method_names()) {
    CAPTURE(name);
    ToyModel model;
    Tuner tuner(model, {.method = name, .init_r = 4, .target_r = 2, .bottleneck = 4}, settings());
    const std::vector<real> losses = train(model, tuner, 20);
    CHECK(losses.back() < losses.front());
    CHECK(tuner.steps() == 20);
    CHECK(tuner.phase_done());
  }
}

TEST_CASE("tuner: sora's gates are a group without decay and end at exactly 0") {
  ToyModel model;
  Tuner tuner(model, {.r = 4, .xi = 2, .sparse_lr = 0.03, .sparse_adam_epsilon = 1e-4}, settings());
  const std::vector<nn::ParameterGroup>& groups = tuner.optimizer().groups();
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].parameters.size() == 24 + 2);  // A, B and the head's weights
  CHECK(groups[0].weight_decay == 0.1);
  CHECK(groups[1].parameters.size() == 2);  // its biases
  CHECK(groups[1].weight_decay == 0);
  CHECK(groups[2].parameters.size() == 12);
  CHECK(groups[2].weight_decay == 0);
  CHECK(groups[2].learning_rate == 0.03);
  CHECK(groups[2].epsilon == 1e-4);
  CHECK(groups[2].proximal == nn::Proximal::exact);
  for (const nn::Parameter* parameter : groups[2].parameters) {
    CHECK(parameter->path().ends_with(".gate"));
  }
  train(model, tuner, 20);
  const Sparsity sparsity = tuner.method().sparsity();
  CHECK(sparsity.zero > 8);
  CHECK(sparsity.zero < sparsity.total);
  CHECK(tuner.method().report().front().second == sparsity.zero);
  int64_t kept = 0;
  for (const ModuleRank& rank : tuner.method().ranks()) kept += rank.kept;
  CHECK(kept == sparsity.total - sparsity.zero);
}

TEST_CASE("tuner: the sum of the thresholds is that of the rates, also after a resume") {
  const test::TemporaryFolder folder;
  ToyModel model, cut;
  TunerSettings constant = settings();
  constant.lr_scheduler_type = "constant";
  const MethodConfig config{.r = 4, .xi = 0.5, .sparse_lr = 0.02};
  Tuner tuner(model, config, constant), again(cut, config, constant);
  train(model, tuner, 5);
  REQUIRE(tuner.gate_reach());
  CHECK(tuner.gate_reach()->threshold_sum == doctest::Approx(5 * 0.5 * 0.02));
  CHECK(tuner.gate_reach()->share == tuner.method().sparsity().share());
  tuner.save_state(folder.path());
  again.load_state(folder.path());
  CHECK(again.gate_reach()->threshold_sum == tuner.gate_reach()->threshold_sum);
  CHECK(again.gate_reach()->xi == tuner.gate_reach()->xi);
  ToyModel other;
  CHECK(!Tuner(other, {.method = "lora"}, settings()).gate_reach());
}

TEST_CASE("tuner: adalora's ranks fall to the target") {
  ToyModel model;
  Tuner tuner(model, {.method = "adalora", .init_r = 4, .target_r = 1, .tinit = 2, .tfinal = 4},
              settings());
  train(model, tuner, 20);
  int64_t kept = 0;
  for (const ModuleRank& rank : tuner.method().ranks()) kept += rank.kept;
  CHECK(kept == 12);
}

TEST_CASE("tuner: the regularizer is part of the update") {
  std::vector<real> gates[2];
  for (const bool regularized : {false, true}) {
    ToyModel model;
    Tuner tuner(model, {.r = 4, .xi = 0.0, .sparse_lambda = regularized ? 10.0 : 0.0}, settings());
    train(model, tuner, 3);
    CHECK(tuner.regularizer().defined() == regularized);
    if (regularized) CHECK(tuner.regularizer().item() > 1);
    gates[regularized] = tuner.optimizer().groups()[2].parameters.front()->value().to_vector();
  }
  CHECK(gates[0] != gates[1]);
}

TEST_CASE("tuner: parts of a step add up to the gradient of the whole") {
  ToyModel whole, parts;
  Tuner one(whole, {.method = "lora"}, settings());
  TunerSettings two_passes = settings();
  two_passes.gradient_accumulation_steps = 2;
  Tuner two(parts, {.method = "lora"}, two_passes);
  one.step(whole.loss(one.pass()));
  for (int i = 0; i < 2; ++i) two.backward(parts.loss(two.pass()), 2);
  two.step();
  CHECK(one.optimizer().values().to_vector() == two.optimizer().values().to_vector());
  CHECK(one.grad_norm().item<double>() == two.grad_norm().item<double>());
}

TEST_CASE("tuner: a learning rate of one's own for lora_B") {
  const auto is_lora_b = [](const nn::Parameter& parameter) {
    return parameter.path().ends_with("lora_B.weight");
  };
  TunerSettings own = settings();
  own.edit_groups = [&](auto& groups) { nn::split_off(groups, is_lora_b).learning_rate *= 16; };
  own.lr_scheduler_type = "constant";
  ToyModel model;
  Tuner tuner(model, {.method = "lora"}, own);
  REQUIRE(tuner.optimizer().groups().size() == 3);
  train(model, tuner, 1);
  double largest[2] = {0, 0};  // elements of B, which starts at 0, after Adam's first update
  for (const real b : tuner.optimizer().groups()[2].parameters.front()->value().to_vector()) {
    largest[0] = std::max(largest[0], std::abs(double{b}));
  }
  ToyModel plain_model;
  own.edit_groups = {};
  Tuner plain(plain_model, {.method = "lora"}, own);
  train(plain_model, plain, 1);
  const auto* b = plain_model.find_parameter(model.layers[0]->query.path() + ".lora_B.weight");
  for (const real x : b->value().to_vector())
    largest[1] = std::max(largest[1], std::abs(double{x}));
  CHECK(largest[0] == doctest::Approx(16 * largest[1]).epsilon(1e-3));
}

TEST_CASE("tuner: calls in the wrong order are refused") {
  ToyModel model;
  TunerSettings two = settings(2);
  two.gradient_accumulation_steps = 2;
  Tuner tuner(model, {.method = "lora"}, two);
  CHECK(message_of([&] { tuner.step(); }) ==
        "[tuner] step 1 has no loss; call backward() before step().");
  CHECK(test::contains(message_of([&] { tuner.step(model.loss({.training = true})); }),
                       "without a pass of its own"));
  const nn::Pass pass = tuner.pass();
  CHECK(test::contains(message_of([&] { tuner.save("x"); }), "in the middle of a step"));
  tuner.backward(model.loss(pass), 2);
  CHECK(test::contains(message_of([&] { tuner.backward(model.loss(pass), 2); }),
                       "without a pass of its own"));
  CHECK(message_of([&] { tuner.step(); }) ==
        "[tuner] step 1 has 1 of its 2 parts; call backward() for each.");
  CHECK(test::contains(message_of([&] { tuner.begin_phase(3, 0.1); }), "in the middle of a step"));
  tuner.backward(model.loss(tuner.pass()), 2);
  CHECK(test::contains(message_of([&] { tuner.pass(); }), "has 2 forward passes already"));
  tuner.step();
  train(model, tuner, 1);
  CHECK(test::contains(message_of([&] { tuner.pass(); }), "all 2 updates of this phase are done"));
}

TEST_CASE("tuner: wrong settings are refused by their key") {
  ToyModel model;
  const auto make = [&](TunerSettings settings) { Tuner(model, {.method = "full"}, settings); };
  CHECK(message_of([&] { make({}); }) ==
        "[total_steps] 0 is out of range; expected a whole number of at least 1.");
  CHECK(message_of([&] { make({.gradient_accumulation_steps = 0, .total_steps = 1}); }) ==
        "[gradient_accumulation_steps] 0 is out of range; expected a whole number of at least 1.");
  const double nan = std::nan("");
  CHECK(message_of([&] { make({.learning_rate = nan, .total_steps = 1}); }) ==
        "[learning_rate] nan is out of range; expected a number of at least 0.");
  CHECK(message_of([&] { make({.warmup_steps = -3, .total_steps = 1}); }) ==
        "[warmup_steps] -3 is out of range; expected a whole number of at least 0.");
  CHECK_THROWS_AS(make({.learning_rate = -1, .total_steps = 1}), Error);
  CHECK_THROWS_AS(make({.adam_beta1 = 1, .total_steps = 1}), Error);
  CHECK_THROWS_AS(make({.adam_beta2 = 1.5, .total_steps = 1}), Error);
  CHECK_THROWS_AS(make({.adam_epsilon = 0, .total_steps = 1}), Error);
  CHECK_THROWS_AS(make({.max_grad_norm = -1, .total_steps = 1}), Error);
  CHECK_THROWS_AS(make({.warmup_ratio = 5, .total_steps = 1}), Error);
  CHECK_THROWS_AS(make({.lr_scheduler_type = "step", .total_steps = 1}), Error);
  CHECK_THROWS_AS(make({.optim = "adam", .total_steps = 1}), Error);
  CHECK_THROWS_AS(Tuner(model, {.r = 0}, settings()), Error);
}

TEST_CASE("tuner: a model has one tuner, stays alive and keeps its adapter") {
  ToyModel model;
  {
    Tuner first(model, {.method = "full"}, settings());
    CHECK(message_of([&] { Tuner(model, {.method = "full"}, settings()); }) ==
          "[tuner] the model has a tuner already; destroy that one first.");
  }
  Tuner second(model, {.method = "bitfit"}, settings());
  train(model, second, 1);
  model.layers[0]->query.bias.set_requires_grad(false);
  CHECK(test::contains(message_of([&] { second.pass(); }), "the model was changed"));

  auto other = std::make_unique<ToyModel>();
  Tuner tuner(*other, {.method = "lora"}, settings());
  train(*other, tuner, 1);
  const nn::Pass pass = tuner.pass();
  const Variable loss = other->loss(pass);
  other->layers[1]->value.attach(nullptr);
  CHECK(test::contains(message_of([&] { tuner.step(loss); }), "the model was changed"));
  other.reset();
  CHECK(test::contains(message_of([&] { tuner.pass(); }), "the model was destroyed"));
  CHECK(test::contains(message_of([&] { tuner.save("x"); }), "the model was destroyed"));
}

TEST_CASE("tuner: a further phase has another threshold and schedule") {
  ToyModel model;
  Tuner tuner(model, {.r = 4, .xi = 0.0}, settings(5));
  train(model, tuner, 5);
  CHECK(tuner.method().sparsity().zero == 0);
  tuner.begin_phase(10, 5);
  CHECK(tuner.phase_steps() == 0);
  train(model, tuner, 2);
  CHECK(tuner.learning_rate() == 0.01);  // warmed up anew
  train(model, tuner, 8);
  CHECK(tuner.method().sparsity().zero > 0);
  CHECK(tuner.steps() == 15);
}

TEST_CASE("tuner: a saved adapter predicts the same, and training goes on from it") {
  const test::TemporaryFolder folder;
  for (const std::string& name : method_names()) {
    CAPTURE(name);
    const MethodConfig config{.method = name, .init_r = 4, .target_r = 2, .bottleneck = 4};
    ToyModel model;
    Tuner tuner(model, config, settings());
    train(model, tuner, 3);
    tuner.save(folder / name);
    ToyModel fresh;
    const auto method = load_adapter(folder / name, fresh);
    CHECK(fresh.logits() == model.logits());
    ToyModel next;
    Tuner again(next, config, settings());
    again.load(folder / name);
    CHECK(next.logits() == model.logits());
    train(next, again, 1);
    CHECK_THROWS_AS(again.load(folder / name), Error);
  }
  ToyModel other;
  Tuner tuner(other, {.method = "lora"}, settings());
  CHECK(test::contains(message_of([&] { tuner.load(folder / "sora"); }),
                       "the adapter's method is \"sora\"; lora is attached"));
}

TEST_CASE("tuner: a saved state continues with the same bits") {
  for (const std::string& name : method_names()) {
    CAPTURE(name);
    const test::TemporaryFolder folder;
    const MethodConfig config{.method = name,
                              .r = 4,
                              .lora_dropout = 0.2,
                              .xi = 1,
                              .sparse_lambda = 0.1,
                              .init_r = 4,
                              .target_r = 1,
                              .bottleneck = 4};
    ToyModel whole;
    Tuner one(whole, config, settings(6));
    train(whole, one, 3);
    one.begin_phase(8, 2);
    train(whole, one, 2);
    one.save_state(folder / "state");
    const std::vector<real> expected = train(whole, one, 6);
    ToyModel cut;
    Tuner two(cut, config, settings(6));
    two.load_state(folder / "state");
    CHECK(two.steps() == 5);
    CHECK(train(cut, two, 6) == expected);
    CHECK(two.phase_done());
    CHECK(one.optimizer().values().to_vector() == two.optimizer().values().to_vector());
  }
}

TEST_CASE("tuner: a state of other parameters is refused") {
  const test::TemporaryFolder folder;
  ToyModel model, other, another;
  Tuner lora(model, {.method = "lora"}, settings()), full(other, {.method = "full"}, settings());
  Tuner wide(another, {.method = "lora", .r = 4}, settings());
  lora.save_state(folder.path());
  CHECK(test::contains(message_of([&] { full.load_state(folder.path()); }),
                       "is of method \"lora\"; this tuner's is full"));
  CHECK(test::contains(message_of([&] { wide.load_state(folder.path()); }),
                       "the trainable parameters are not those of this tuner"));
  folder.write("state.json", R"({"layout": "0", "steps": 1})");
  CHECK(test::contains(message_of([&] { lora.load_state(folder.path()); }), "is damaged"));
}

// y + B A x, counted.
class OwnMethod : public BaseMethod {
 public:
  explicit OwnMethod(std::vector<std::string>& calls)
      : BaseMethod({.method = "own", .train_head = false}), calls_(calls) {}
  Variable regularizer() override {
    calls_.push_back("regularizer");
    return {};
  }
  void prepare(int64_t step, int64_t total) override {
    calls_.push_back(fmt::format("prepare {} of {}", step, total));
  }
  void after_step(const Tensor&) override { calls_.push_back("after_step"); }

 private:
  struct Scale : nn::Linear::Delta {
    explicit Scale(nn::Linear& linear) : scale(&linear, "scale", {1, linear.out()}) {
      scale.set_requires_grad(true);
      scale.assign(Tensor::full(scale.declared_shape(), 1));
    }
    Variable forward(const Variable&, Variable y, const nn::Pass&) override {
      const int64_t rows = y.size(0);
      return mul(y, matmul(Variable(Tensor::full({rows, 1}, 1)), scale));
    }
    nn::Parameter scale;
  };
  void attach_to(nn::Module& model, std::optional<uint64_t>) override {
    auto& linear = dynamic_cast<ToyModel&>(model).layers[0]->output_dense;
    attach_delta(linear, std::make_unique<Scale>(linear));
  }
  std::vector<std::string>& calls_;
};

TEST_CASE("tuner: a method of one's own is called in order, saved and loaded") {
  const test::TemporaryFolder folder;
  std::vector<std::string> calls;
  ToyModel model;
  Tuner tuner(model, std::make_unique<OwnMethod>(calls), settings(2));
  const std::vector<real> losses = train(model, tuner, 2);
  CHECK(calls == std::vector<std::string>{"prepare 0 of 2", "regularizer", "after_step",
                                          "prepare 1 of 2", "regularizer", "after_step"});
  tuner.save(folder.path());
  ToyModel fresh;
  Tuner again(fresh, std::make_unique<OwnMethod>(calls), settings(2));
  CHECK(fresh.logits() != model.logits());
  again.load(folder.path());
  CHECK(fresh.logits() == model.logits());
}

}  // namespace
}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
