// Method: one way of fine-tuning a model - what it attaches, what it trains, what it adds to the
// loss, what happens after each optimizer step, and what it reports. Methods know nn, never models:
// they find their places by the roles of modules (nn/role.h), or by their names.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/module.h"
#include "nn/optim/optimizer.h"

namespace soragrad::sora {

// Rank and factor of the delta of one Linear, where they differ from Linear to Linear.
struct ModuleShape {
  std::string module;  // path of the Linear
  int64_t rank = 0;
  double factor = 1;  // delta = factor * B diag(gate) A
};

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
  // lora, adalora: a pruned or imported adapter; replaces ranks, lora_alpha and target_modules.
  // Empty where nothing is left but the head.
  std::optional<std::vector<ModuleShape>> modules;
};

// What a method says of its sparsity: gates (sora), or entries of lora_E (adalora).
struct Sparsity {
  int64_t zero = 0;
  int64_t total = 0;
  double share() const {
    return total ? static_cast<double>(zero) / static_cast<double>(total) : 0;
  }
};

// Kept rank of one adapted Linear.
struct ModuleRank {
  std::string module;  // path of the Linear
  int64_t kept = 0;
  int64_t rank = 0;
};

// Parameter counts by both counters; the head is counted apart.
struct ParameterCounts {
  int64_t trainable = 0;  // all trainable elements: gates and a trained head included
  int64_t head = 0;       // of these, pooler and classifier
  int64_t stored = 0;     // without the head: what a pruned adapter holds, gates folded in
  int64_t released = 0;   // without the head: the SoRA authors' counter, no gates, and each zero
                          // gate deducts 2 * hidden, at FFN Linears too
};

class Method {
 public:
  virtual ~Method() = default;
  virtual std::string_view name() const = 0;

  // Freezes the model, attaches deltas (drawn from the seed; without one they have no values yet)
  // and marks what trains. The model must outlive the method. Once a method.
  virtual void attach(nn::Module& model, std::optional<uint64_t> seed) = 0;
  // How a trainable parameter is optimized.
  virtual nn::ParameterRule rule(const nn::Parameter& parameter) const;
  // What the method adds to the loss; undefined where nothing.
  virtual Variable regularizer() { return {}; }
  // Before an update, the host's part of it: `step` updates of `total_steps` have been done.
  virtual void prepare(int64_t /*step*/, int64_t /*total_steps*/) {}
  // After optimizer and proximal step, before the gradients are zeroed; grad_scale () is what
  // clipping multiplied them by (Optimizer::clip_scale). Like regularizer(), it gives a GPU the
  // same work at the same addresses in every step, for it is recorded as a CUDA graph; what differs
  // from step to step is uploaded by prepare().
  virtual void after_step(const Tensor& /*grad_scale*/) {}

  virtual Sparsity sparsity() const { return {}; }
  virtual std::vector<ModuleRank> ranks() const { return {}; }
  virtual ParameterCounts counts() const = 0;
  // What a logged step says beside the common fields: "gates_zero" (sora), "budget" and
  // "kept_rank" (adalora).
  virtual std::vector<std::pair<std::string, int64_t>> report() const { return {}; }
  // State beside the parameters that an exact resume needs (adalora's scores): named tensors. They
  // are the method's own; to resume, copy_from() the saved ones of the same names after attach().
  virtual std::vector<std::pair<std::string, Tensor>> state() { return {}; }
};

// Throws for a name that is not known, listing those that are, and for values out of range.
std::unique_ptr<Method> make_method(const MethodConfig& config);
std::vector<std::string> method_names();

// What an adapter file holds of a model with a method attached: everything trainable, and the head.
std::vector<nn::Parameter*> adapter_parameters(nn::Module& model);
// Trainable parameters with the method's rules, as Optimizer wants them.
std::vector<nn::OptimizedParameter> optimized_parameters(nn::Module& model, const Method& method);
// The gates' part of an optimizer's configuration: gate_update, gate_epsilon, proximal.
void configure_gates(const MethodConfig& config, nn::OptimizerConfig& optimizer);

}  // namespace soragrad::sora
