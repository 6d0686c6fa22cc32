// Method: one way of fine-tuning a model. It says what is attached, what trains, what is added to
// the loss, what happens after each update, and what is reported. A sora::Tuner (sora/tuner.h)
// calls it in the right order; a method of one's own derives from BaseMethod (sora/base_method.h)
// and is given to the Tuner. Methods know nn, never models: they find their places by the roles of
// modules (nn/role.h), or by their names.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/module.h"
#include "nn/optim/parameter_group.h"

namespace soragrad::sora {

// The largest rank: keeps a mistyped number from allocating without bound.
constexpr int64_t kMaxAdapterRank = 65536;

// Rank and factor of the delta of one Linear, if they differ from Linear to Linear.
struct ModuleShape {
  std::string module = {};  // path of the Linear
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
  // Entries of sora/target_pattern.h; empty: all six Linears of a layer.
  std::vector<std::string> target_modules = {};
  // sora
  std::string proximal = "exact";
  std::optional<double> xi = {};  // not set: default_xi(proximal)
  double sparse_lambda = 0;
  std::optional<double> sparse_lr = {};  // not set: learning_rate
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
  std::optional<std::vector<ModuleShape>> modules = {};
};

// The threshold of gates that `proximal` has unless xi is given. exact, released_lr: 0.4 (times the
// learning rate in each step). released: 3e-4, the authors' STS-B script.
double default_xi(const std::string& proximal);

// Zero entries among all entries that may become zero: gates (sora), elements of lora_E (adalora).
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
  // The method's keys, as adapter_config.json holds them.
  virtual MethodConfig config() const;

  // Condition: called once a method, on a model that has no adapter yet.
  // Result: the model is frozen, deltas are attached, and the parameters that train are marked by
  // requires_grad. With a seed the deltas' values are drawn, as functions of the seed and their
  // paths; without one they have no values and must be loaded.
  // Duty of the caller: the model outlives the method. If it throws, the model is as before.
  virtual void attach(nn::Module& model, std::optional<uint64_t> seed) = 0;

  // A term that is added to the loss of each update; undefined if there is none.
  virtual Variable regularizer() { return {}; }
  // Host work before an update: `step` updates of `total_steps` are done.
  virtual void prepare(int64_t /*step*/, int64_t /*total_steps*/) {}
  // Device work after the optimizer's update and the proximal step, while the gradients are still
  // there. grad_scale, (), is what clipping multiplied the gradients by.
  // Duty of an override, as of regularizer(): the same kernels on the same memory in every step,
  // because a GPU records them as a CUDA graph. What differs from step to step is uploaded by
  // prepare().
  virtual void after_step(const Tensor& /*grad_scale*/) {}

  virtual Sparsity sparsity() const { return {}; }
  virtual std::vector<ModuleRank> ranks() const { return {}; }
  virtual ParameterCounts counts() const = 0;
  // Fields of a logged step beside the common ones: "gates_zero" (sora), "budget" and "kept_rank"
  // (adalora).
  virtual std::vector<std::pair<std::string, int64_t>> report() const { return {}; }
  // Named tensors that an exact resume needs beside the parameters (adalora's scores). They are the
  // method's own: copy_from() saved ones of the same names after attach().
  virtual std::vector<std::pair<std::string, Tensor>> state() { return {}; }

 protected:
  friend class Tuner;
  // The parameters that train, sorted into groups of the optimizer. `main` has the settings of the
  // run and no parameters. Unless overridden: the decayed parameters with these settings, then the
  // others (biases, LayerNorms) without weight decay. An override may split off groups of its own:
  //   auto groups = LowRankMethod::groups(model, main);
  //   nn::split_off(groups, is_lora_b).learning_rate *= 16;
  // A group with a proximal operator follows the gates' schedule and threshold (sora/tuner.h).
  virtual std::vector<nn::ParameterGroup> groups(nn::Module& model,
                                                 const nn::ParameterGroup& main) const;
};

// Throws for an unknown name, listing the known ones, and for values out of range.
std::unique_ptr<Method> make_method(const MethodConfig& config);
std::vector<std::string> method_names();

// The parameters that an adapter file holds: everything trainable, and the head.
std::vector<nn::Parameter*> adapter_parameters(nn::Module& model);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
