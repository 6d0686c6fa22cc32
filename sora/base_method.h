// What all methods share: freezing the model, training the head or not, counting. Methods of one's
// own derive from BaseMethod, or from LowRankMethod if they attach GatedDeltas.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sora/gated_delta.h"
#include "sora/method.h"

namespace soragrad::sora {

class BaseMethod : public Method {
 public:
  // config.method is the method's name; train_head says whether pooler and classifier train.
  explicit BaseMethod(MethodConfig config) : config_(std::move(config)) {}

  std::string_view name() const final { return config_.method; }
  MethodConfig config() const final { return config_; }
  void attach(nn::Module& model, std::optional<uint64_t> seed) final;
  ParameterCounts counts() const override;

 protected:
  // Attaches deltas and marks what trains beside the head; everything is frozen before.
  virtual void attach_to(nn::Module& model, std::optional<uint64_t> seed) = 0;
  nn::Module& model() const;  // throws before attach(), and after the model was destroyed

  const MethodConfig config_;

 private:
  nn::Module* model_ = nullptr;
  std::weak_ptr<nn::Module::Token> model_token_;
};

// sora, lora, adalora: one GatedDelta a target.
class LowRankMethod : public BaseMethod {
 public:
  using BaseMethod::BaseMethod;
  std::vector<ModuleRank> ranks() const override;
  ParameterCounts counts() const override;
  Sparsity sparsity() const override;

 protected:
  void attach_to(nn::Module& model, std::optional<uint64_t> seed) override;
  virtual DeltaKind kind() const = 0;
  // Rank of a delta before training, and its factor.
  virtual int64_t rank() const { return config_.r; }
  virtual double factor() const { return config_.lora_alpha / static_cast<double>(config_.r); }
  // The model's deltas as they are now, in its order: none after merge().
  std::vector<GatedDelta*> deltas() const { return gated_deltas(model()); }
  // Gates of all deltas; empty for lora.
  std::vector<Variable> gates() const;
};

// Attaches to a Linear; throws where it has a delta already.
void attach_delta(nn::Linear& linear, std::unique_ptr<nn::Linear::Delta> delta);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
