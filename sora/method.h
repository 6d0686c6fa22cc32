// Method: one way of fine-tuning a model - what it attaches, what it trains, what it adds to the
// loss, what happens after each optimizer step, and what it reports. Methods know nn, never models:
// they find their places by the names of Linears.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/module.h"
#include "nn/optim/optimizer.h"

namespace soragrad::sora {

// The keys of `train` that shape methods, under their names there, with their defaults.
struct MethodConfig {
  std::string method = "sora";
  bool train_head = true;
  // sora, lora, adalora
  int64_t r = 8;
  double lora_alpha = 16;
  double lora_dropout = 0;
  std::vector<std::string> target_modules;  // key suffixes; empty: all six Linears of a layer
  // sora
  std::string proximal = "exact";
  double xi = 1e-3;
  double sparse_lambda = 0;
  double sparse_lr = -1;  // below 0: learning_rate
  double sparse_adam_epsilon = 1e-6;
  std::string sparse_optim = "adamw";
  // adalora
  int64_t init_r = 12, target_r = 8;
  int64_t tinit = 0, tfinal = 0, deltaT = 1;
  double beta1 = 0.85, beta2 = 0.85, orth_reg_weight = 0.5;
  // houlsby, pfeiffer
  int64_t bottleneck = 16;
  std::string adapter_activation = "gelu_new";
};

// What a method says of its sparsity: gates (sora), or entries of lora_E (adalora).
struct Sparsity {
  int64_t zero = 0;
  int64_t total = 0;
  double share() const { return total ? static_cast<double>(zero) / static_cast<double>(total) : 0; }
};

// Kept rank of one adapted Linear.
struct ModuleRank {
  std::string module;  // path of the Linear
  int64_t kept = 0;
  int64_t rank = 0;
};

// Parameter counts by both counters; the head is counted apart.
struct ParameterCounts {
  int64_t trainable = 0;       // all trainable elements, head included
  int64_t head = 0;            // of these, pooler and classifier
  int64_t stored = 0;          // what a pruned file holds: rows and columns of zero gates dropped
  int64_t released = 0;        // the SoRA authors' counter: zero gates deduct 2 * hidden each
};

class Method {
 public:
  virtual ~Method() = default;
  virtual std::string_view name() const = 0;

  // Freezes the model, attaches deltas (drawn from the seed) and marks what trains.
  virtual void attach(nn::Module& model, uint64_t seed) = 0;
  // How a trainable parameter is optimized; called once for each after attach().
  virtual nn::ParameterRule rule(const nn::Parameter& parameter) const = 0;
  // What the method adds to the loss; undefined where nothing.
  virtual Variable regularizer() { return {}; }
  // After optimizer and proximal step number `step` (from 0) of `total_steps`; gradients are the
  // clipped ones of this step.
  virtual void after_step(int64_t step, int64_t total_steps);
  // The phase's threshold (Algorithm 1); only SoRA has one.
  virtual void set_xi(double xi);

  virtual Sparsity sparsity() const { return {}; }
  virtual std::vector<ModuleRank> ranks() const { return {}; }
  virtual ParameterCounts counts() const = 0;
  // State beside the parameters that an exact resume needs (adalora's scores): named tensors.
  virtual std::vector<std::pair<std::string, Tensor>> state() const { return {}; }
  virtual void load_state(const std::vector<std::pair<std::string, Tensor>>& state);
};

// Throws for a name that is not known, listing those that are.
std::unique_ptr<Method> make_method(const MethodConfig& config);
std::vector<std::string> method_names();

}  // namespace soragrad::sora
