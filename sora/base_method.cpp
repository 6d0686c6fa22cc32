#include "sora/base_method.h"

#include <algorithm>
#include <utility>

#include "core/tensor_values.h"
#include "sora/attached_state.h"
#include "sora/sparsity.h"
#include "sora/targets.h"

namespace soragrad::sora {

void attach_delta(nn::Linear& linear, std::unique_ptr<nn::Linear::Delta> delta) {
  require(
      linear.delta() == nullptr,
      "[attach] {} has an adapter already; take it off by sora::detach(), or load the base model "
      "anew.",
      linear.path());
  linear.attach(std::move(delta));
}

void BaseMethod::attach(nn::Module& model, std::optional<uint64_t> seed) {
  require(model_ == nullptr, "[{}] the method is attached already.", name());
  const AttachedState before(model);
  model.for_each_parameter([&](nn::Parameter& parameter) {
    parameter.set_requires_grad(config_.train_head && nn::is_head(parameter));
  });
  try {
    attach_to(model, seed);
  } catch (...) {
    before.restore();
    throw;
  }
  model_ = &model;
  model_token_ = model.token();
}

nn::Module& BaseMethod::model() const {
  require(model_ != nullptr, "[{}] the method has no model; call attach() first.", name());
  require(!model_token_.expired(), "[{}] the model was destroyed; it must outlive its method.",
          name());
  return *model_;
}

ParameterCounts BaseMethod::counts() const {
  ParameterCounts counts;
  model().for_each_parameter([&](nn::Parameter& parameter) {
    if (!parameter.requires_grad()) return;
    const int64_t size = parameter.declared_shape().numel();
    counts.trainable += size;
    if (nn::is_head(parameter)) counts.head += size;
  });
  counts.stored = counts.released = counts.trainable - counts.head;
  return counts;
}

void LowRankMethod::attach_to(nn::Module& model, std::optional<uint64_t> seed) {
  const auto attach_one = [&](nn::Linear& linear, int64_t rank, double factor) {
    auto delta = std::make_unique<GatedDelta>(linear, kind(), rank, factor, config_.lora_dropout);
    if (seed) delta->initialize(*seed);
    attach_delta(linear, std::move(delta));
  };
  if (!config_.modules) {
    for (nn::Linear* linear : find_targets(model, config_.target_modules)) {
      attach_one(*linear, rank(), factor());
    }
  }
  for (const ModuleShape& shape : config_.modules.value_or(std::vector<ModuleShape>{})) {
    attach_one(linear_at(model, shape.module), shape.rank, shape.factor);
  }
}

std::vector<Variable> LowRankMethod::gates() const {
  std::vector<Variable> gates;
  for (const GatedDelta* delta : deltas()) {
    if (delta->gate) gates.push_back(*delta->gate);
  }
  return gates;
}

std::vector<ModuleRank> LowRankMethod::ranks() const {
  return module_ranks(deltas());
}

Sparsity LowRankMethod::sparsity() const {
  std::vector<Tensor> all;
  for (const Variable& gate : gates()) all.push_back(gate.value());
  const std::vector<real> values = values_of(all);
  return {std::count(values.begin(), values.end(), real(0)), static_cast<int64_t>(values.size())};
}

ParameterCounts LowRankMethod::counts() const {
  std::vector<DeltaSize> sizes;
  for (const GatedDelta* delta : deltas()) sizes.push_back(size_of(*delta));
  ParameterCounts counts = BaseMethod::counts();
  counts.stored = stored_parameters(sizes);
  counts.released = released_parameters(sizes);
  return counts;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
