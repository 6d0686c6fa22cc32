// Optimizer over one flat buffer: trainable values, gradients and both Adam moments each lie in one
// piece of memory, so that the gradient norm, clipping, AdamW (or SGD) and the proximal step are
// two passes over it, whatever the number of parameters.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"

namespace soragrad::nn {

enum class Update : uint8_t {
  adamw_torch,  // p -= lr wd p, then the Adam step with eps beside sqrt(v / (1 - beta2^t))
  adamw_hf,     // Adam step of transformers 4.14 with eps beside sqrt(v), then p -= lr wd p
  sgd,          // p -= lr grad
};
enum class Proximal : uint8_t { none, exact, released, released_lr };

// Which of the optimizer's groups a parameter belongs to.
struct ParameterRule {
  bool gate = false;   // the gates' group: own rate, epsilon, no decay, proximal step
  bool decay = true;   // weight decay (not on biases and LayerNorm)
};

struct OptimizerConfig {
  Update update = Update::adamw_torch;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.1;
  double max_grad_norm = 0.1;  // 0: no clipping
  Update gate_update = Update::adamw_torch;  // betas 0.9 and 0.999
  double gate_epsilon = 1e-6;
  Proximal proximal = Proximal::none;
};

class Optimizer {
 public:
  // Moves every trainable parameter of the model into the flat buffer; parameters and gradients
  // are views of it from then on.
  Optimizer(Module& model, const OptimizerConfig& config,
            const std::vector<std::pair<Parameter*, ParameterRule>>& parameters);

  // 2-norm of all gradients, before clipping.
  double grad_norm() const;
  // One update with the rates of this step: scale min(1, max_grad_norm / (grad_norm + 1e-6)),
  // optimizer, proximal step with threshold xi (released) or gate_rate * xi (exact, released_lr).
  // The scaled gradients stay readable until zero_grad().
  void step(double rate, double gate_rate, double xi, double grad_norm);
  void zero_grad();

  int64_t steps() const { return steps_; }  // updates done
  // For an exact resume: flat values, moments and the number of updates.
  const Tensor& values() const { return values_; }
  const Tensor& grads() const { return grads_; }
  const Tensor& first_moments() const { return first_moments_; }
  const Tensor& second_moments() const { return second_moments_; }
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  OptimizerConfig config_;
  Tensor values_, grads_, first_moments_, second_moments_;
  std::vector<std::pair<Parameter*, ParameterRule>> parameters_;
  int64_t steps_ = 0;
};

}  // namespace soragrad::nn
