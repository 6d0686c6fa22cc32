// How near bf16 on emulated CUDA stays to fp32 on the CPU: low-rank deltas as hi + lo columns
// within the products (core/delta_matrix.h) beside the same deltas computed apart, and a run of
// SoRA.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <optional>

#include "autograd/ops.h"
#include "data/batch.h"
#include "models/family.h"
#include "models/load.h"
#include "models/model.h"
#include "models/self_attention.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/role.h"
#include "tests/train/tiny_run.h"
#include "train/loop/trainer.h"
#include "train/run/gate_log.h"

namespace soragrad {
namespace {

// A gated delta of rank 4 beside a Linear, within its product or apart.
struct TestDelta : nn::Linear::Delta {
  LowRank factors;
  bool within;

  TestDelta(const nn::Linear& linear, Device device, bool within) : within(within) {
    constexpr int64_t kRank = 4;
    const auto leaf = [&](const Shape& shape, double deviation, const char* name) {
      return Variable(nn::normal(shape, deviation, 7, linear.path() + name).to(device), true);
    };
    factors = {leaf({kRank, linear.in()}, 0.3, ".a"), leaf({linear.out(), kRank}, 0.3, ".b"),
               leaf({kRank}, 1, ".gate"), 0.5f};
  }
  Variable forward(const Variable& x, Variable y, const nn::Pass& /*pass*/) override {
    return low_rank_delta(std::move(y), x, factors.a, factors.b, factors.gate, factors.factor);
  }
  std::optional<LowRank> low_rank(const nn::Pass& /*pass*/) const override {
    return within ? std::optional(factors) : std::nullopt;
  }
};

struct Setting {
  Device device;
  Precision precision;
  bool within;
};

struct Numbers {
  std::vector<real> logits, grads;
};

// A forward and a backward pass of a model with deltas on all Linears of the backbone.
Numbers pass_of(const std::string& family, const Setting& setting) {
  models::ModelConfig config =
      models::read_config(SORAGRAD_SOURCE_DIR "/tests/golden/models/" + family);
  config.layers = 3;
  config.hidden_size = 32;
  config.heads = 4;
  config.intermediate_size = 64;
  models::SequenceClassifier model(config);
  for (nn::Parameter* parameter : model.parameters()) {
    const bool scales = parameter->path().ends_with("LayerNorm.weight");
    parameter->assign((scales ? Tensor::full(parameter->declared_shape(), 1)
                              : nn::normal(parameter->declared_shape(), 0.2, 3, parameter->path()))
                          .to(setting.device));
    parameter->set_requires_grad(false);
  }
  std::vector<LowRank> deltas;
  model.for_each_module([&](nn::Module& module) {
    if (auto* attention = dynamic_cast<models::SelfAttention*>(&module)) {
      attention->set_precision(setting.precision);
    }
    auto* linear = dynamic_cast<nn::Linear*>(&module);
    if (!linear || nn::is_head(*linear)) return;
    linear->set_precision(setting.precision);
    auto delta = std::make_unique<TestDelta>(*linear, setting.device, setting.within);
    deltas.push_back(delta->factors);
    linear->attach(std::move(delta));
  });
  data::Batch batch;
  batch.offsets.push_back(0);
  for (const int64_t length : {9, 1, 14, 5, 12, 7}) {
    for (int64_t i = 0; i < length; ++i) {
      batch.input_ids.push_back(1 + (length * 7 + i * i * 3) % 15);
      batch.token_type_ids.push_back(0);
    }
    batch.offsets.push_back(batch.tokens());
  }
  const Variable logits = model.forward(batch, {});
  backward(sum(mul(logits, logits)));
  Numbers numbers{logits.value().to_vector(), {}};
  for (const LowRank& delta : deltas) {
    for (const Variable& factor : {delta.a, delta.b, delta.gate}) {
      const std::vector<real> grad = factor.grad().to_vector();
      numbers.grads.insert(numbers.grads.end(), grad.begin(), grad.end());
    }
  }
  return numbers;
}

// 2-norm of the difference as a share of the 2-norm of `right`.
double distance(const std::vector<real>& numbers, const std::vector<real>& right) {
  REQUIRE(numbers.size() == right.size());
  double difference = 0, all = 0;
  for (size_t i = 0; i < right.size(); ++i) {
    difference += std::pow(static_cast<double>(numbers[i]) - static_cast<double>(right[i]), 2);
    all += std::pow(static_cast<double>(right[i]), 2);
  }
  return std::sqrt(difference / all);
}

}  // namespace

TEST_CASE("bf16: over three families, deltas within products are no further from fp32 than apart") {
  double within_logits = 0, apart_logits = 0, within_grads = 0, apart_grads = 0;
  for (const std::string family : {"deberta_buckets", "roberta", "bert"}) {
    const Numbers exact = pass_of(family, {Device::cpu, Precision::fp32, false});
    const Numbers apart = pass_of(family, {Device::cuda, Precision::bf16, false});
    const Numbers within = pass_of(family, {Device::cuda, Precision::bf16, true});
    CHECK(within.logits != apart.logits);  // two ways indeed
    within_logits += distance(within.logits, exact.logits);
    apart_logits += distance(apart.logits, exact.logits);
    within_grads += distance(within.grads, exact.grads);
    apart_grads += distance(apart.grads, exact.grads);
  }
  CHECK(within_logits <= apart_logits);
  CHECK(within_grads <= apart_grads);
  CHECK(apart_logits < 3 * 2e-2);  // as tests/models/golden_test.cpp has it for bf16
}

TEST_CASE("bf16: a run of SoRA has the zero gates of fp32") {
  const test::TinyFolder folder;
  const auto gates_of = [&](const std::string& device, const std::string& precision) {
    const train::Config config = folder.config(
        device + precision,
        {"device=" + device, "precision=" + precision, "max_steps=10", "xi=1", "sparse_lr=0.1"});
    const auto session = train::open_session(config, [](const std::string&) {});
    train::RunFolder run = train::RunFolder::create(config.output, config);
    train::Trainer trainer(*session, run);
    REQUIRE(trainer.run());
    return train::read_gates(run.file("gates.bin"), 100).records;
  };
  const auto exact = gates_of("cpu", "fp32"), rounded = gates_of("cuda", "bf16");
  REQUIRE(exact.size() == rounded.size());
  int64_t zero = 0, others = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    for (size_t gate = 0; gate < exact[i].gates.size(); ++gate) {
      zero += exact[i].gates[gate] == 0;
      others += (exact[i].gates[gate] == 0) != (rounded[i].gates[gate] == 0);
    }
  }
  CHECK(zero > 100);
  CHECK(others == 0);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
