#include "sora/baselines/adalora.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/optim/optimizer.h"
#include "sora/targets.h"
#include "tests/sora/toy_model.h"

namespace soragrad::sora {
namespace {

TEST_CASE("budget: constant, then cubic, then the target") {
  const BudgetSchedule schedule{108, 36, 5, 10, 2, 30};
  CHECK(schedule.budget(0) == 108);
  CHECK(schedule.budget(5) == 108);
  CHECK(schedule.budget(6) == 94);   // 36 + 72 (14/15)^3 = 94.54
  CHECK(schedule.budget(10) == 57);  // 36 + 72 (10/15)^3 = 57.33
  CHECK(schedule.budget(20) == 36);
  CHECK(schedule.budget(29) == 36);
  CHECK(!schedule.masks(4));
  CHECK(schedule.masks(6));
  CHECK(!schedule.masks(7));
  CHECK(schedule.masks(20));
  CHECK(!schedule.masks(21));
  CHECK(schedule.is_final(21));
}

TEST_CASE("adalora: names, initial values and the factor of the first rank") {
  ToyModel model;
  const std::vector<real> before = model.logits();
  const auto method =
      make_method({.method = "adalora", .lora_alpha = 32, .init_r = 3, .target_r = 1});
  method->attach(model, 1);
  CHECK(model.logits() == before);  // lora_E is 0
  const std::string path = "deberta.encoder.layer.0.intermediate.dense.";
  REQUIRE(model.find_parameter(path + "lora_A"));
  CHECK(model.find_parameter(path + "lora_A")->shape() == Shape{3, kHidden});
  CHECK(model.find_parameter(path + "lora_E")->shape() == Shape{3, 1});
  CHECK(model.find_parameter(path + "lora_B")->shape() == Shape{kIntermediate, 3});
  CHECK(gated_deltas(model).front()->factor() == doctest::Approx(32 / 3.00001));
  CHECK(method->sparsity().share() == 1);
}

// peft's RankAllocator over the same parameters, in double and without its names.
struct Reference {
  struct Triplets {
    int64_t rank, in, out;
    std::vector<double> ibar, u;  // of A, E, B one after another
  };
  std::vector<Triplets> modules;

  std::vector<double> scores(const std::vector<GatedDelta*>& deltas, double scale, bool update) {
    std::vector<double> all;
    for (size_t d = 0; d < deltas.size(); ++d) {
      Triplets& t = modules[d];
      size_t at = 0;
      for (const nn::Parameter* p : {&deltas[d]->a, &*deltas[d]->gate, &deltas[d]->b}) {
        for (int64_t i = 0; i < p->value().numel(); ++i, ++at) {
          if (!update) continue;
          const double importance =
              std::abs(double{p->value().data()[i]} * scale * double{p->grad().data()[i]});
          t.ibar[at] = 0.85 * t.ibar[at] + 0.15 * importance;
          t.u[at] = 0.8 * t.u[at] + 0.2 * std::abs(importance - t.ibar[at]);
        }
      }
      for (int64_t k = 0; k < t.rank; ++k) {
        const auto s = [&](int64_t i) {
          return t.ibar[static_cast<size_t>(i)] * t.u[static_cast<size_t>(i)];
        };
        double score = s(t.rank * t.in + k);
        for (int64_t j = 0; j < t.in; ++j) score += s(k * t.in + j) / static_cast<double>(t.in);
        for (int64_t j = 0; j < t.out; ++j) {
          score += s(t.rank * (t.in + 1) + j * t.rank + k) / static_cast<double>(t.out);
        }
        all.push_back(score);
      }
    }
    return all;
  }
};

TEST_CASE("adalora: masks follow the scores, may be undone, and are fixed at the end") {
  ToyModel model;
  const MethodConfig config{.method = "adalora",
                            .target_modules = {"query_proj", "output.dense"},
                            .init_r = 4,
                            .target_r = 1,
                            .tinit = 1,
                            .tfinal = 3,
                            .deltaT = 2,
                            .beta2 = 0.8};
  const auto method = make_method(config);
  method->attach(model, 1);
  const std::vector<GatedDelta*> deltas = gated_deltas(model);
  REQUIRE(deltas.size() == 6);
  Reference reference;
  for (const GatedDelta* delta : deltas) {
    const int64_t in = delta->linear().in(), out = delta->linear().out();
    const std::vector<double> zeros(static_cast<size_t>(4 * (in + 1 + out)));
    reference.modules.push_back({4, in, out, zeros, zeros});
  }
  const BudgetSchedule schedule{24, 6, 1, 3, 2, 12};
  nn::Optimizer optimizer({{.parameters = trained_parameters(model)}});
  std::vector<bool> mask(24, true);
  for (int64_t step = 0; step < 12; ++step) {
    // The values an update might have left, and gradients, as fixed functions of the step.
    for (size_t d = 0; d < deltas.size(); ++d) {
      const auto seed = static_cast<uint64_t>(step * 10 + 1);
      fill(deltas[d]->a, 1, seed);
      fill(deltas[d]->b, 1, seed);
      fill(*deltas[d]->gate, 1, seed);
      for (const nn::Parameter* p : {&deltas[d]->a, &*deltas[d]->gate, &deltas[d]->b}) {
        p->grad().copy_from(nn::normal(p->shape(), 1, seed + 1, p->path()));
      }
    }
    const bool updates = step < 9;
    const std::vector<double> scores = reference.scores(deltas, 0.25, updates);
    const bool masks = schedule.masks(step);
    if (masks) {
      std::vector<double> sorted = scores;
      std::sort(sorted.begin(), sorted.end());
      const auto dropped = static_cast<size_t>(24 - schedule.budget(step));
      for (size_t i = 0; i < 24; ++i) mask[i] = scores[i] > sorted[dropped - 1];
    }
    method->prepare(step, 12);
    method->after_step(Tensor::full({}, real(0.25)));
    const bool applies = masks || step > 9;
    for (size_t i = 0; i < 24; ++i) {
      CAPTURE(step);
      CAPTURE(i);
      const bool zero = deltas[i / 4]->gate->value().data()[i % 4] == 0;
      CHECK(zero == (applies && !mask[i]));
    }
    CHECK(method->report()[0].second == schedule.budget(step));
    CHECK(method->report()[1].second == (applies ? schedule.budget(step) : 24));
  }
  int64_t kept = 0;
  for (const ModuleRank& rank : method->ranks()) kept += rank.kept;
  CHECK(kept == 6);
  int64_t stored = 0;
  for (size_t d = 0; d < deltas.size(); ++d) {
    stored += method->ranks()[d].kept * (deltas[d]->linear().in() + deltas[d]->linear().out());
  }
  CHECK(method->counts().stored == stored);
}

TEST_CASE("adalora: a run that is too short for its phases is refused") {
  ToyModel model;
  const auto method = make_method({.method = "adalora", .tinit = 5, .tfinal = 5});
  method->attach(model, 1);
  CHECK_THROWS_WITH_AS(method->prepare(0, 10),
                       "[adalora] tinit 5 and tfinal 5 leave none of 10 steps to lower the budget; "
                       "reduce them.",
                       Error);
}

TEST_CASE("adalora: the regularizer is the mean distance from orthonormal factors") {
  ToyModel model;
  const auto method = make_method({.method = "adalora",
                                   .target_modules = {"query_proj"},
                                   .init_r = 2,
                                   .target_r = 1,
                                   .orth_reg_weight = 0.3});
  method->attach(model, 1);
  double sum = 0;
  for (GatedDelta* delta : gated_deltas(model)) {
    fill(delta->a, 1, 3);
    const auto gram = [](const real* x, int64_t row, int64_t column, int64_t length) {
      double square = 0;
      for (int64_t i = 0; i < 2; ++i) {
        for (int64_t j = 0; j < 2; ++j) {
          double dot = i == j ? -1 : 0;
          for (int64_t k = 0; k < length; ++k) {
            dot += double{x[i * row + k * column]} * x[j * row + k * column];
          }
          square += dot * dot;
        }
      }
      return std::sqrt(square);
    };
    sum += gram(delta->a.value().data(), kHidden, 1, kHidden);
    sum += gram(delta->b.value().data(), 1, 2, kHidden);
  }
  CHECK(method->regularizer().value().item() == doctest::Approx(0.3 * sum / 4));
}

TEST_CASE("adalora: scores and mask are its state for a resume") {
  ToyModel model;
  const auto method = make_method({.method = "adalora", .init_r = 2, .target_r = 1});
  method->attach(model, 1);
  const auto state = method->state();
  REQUIRE(state.size() == 3);
  nn::Optimizer optimizer({{.parameters = trained_parameters(model)}});
  optimizer.zero_grad();
  backward(model.loss());
  for (GatedDelta* delta : gated_deltas(model)) fill(*delta->gate, 1, 2);
  method->prepare(0, 10);
  method->after_step(Tensor::full({}, 1));
  double sum = 0;
  for (const real x : state[0].second.to_vector()) sum += x;
  CHECK(sum > 0);  // the handles see the method's own tensors
}

}  // namespace
}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
