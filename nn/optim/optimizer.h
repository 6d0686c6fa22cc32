// Optimizer over one flat buffer: trainable values, gradients and both Adam moments each lie in one
// piece of memory, so that the gradient norm, clipping, AdamW (or SGD) and the proximal step are
// two passes over it, whatever the number of parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/module.h"

namespace soragrad::nn {

enum class Update : uint8_t {
  adamw_torch,  // p -= lr wd p, then p -= lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)
  adamw_hf,     // transformers 4.14: p -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps),
                // then p -= lr wd p
  sgd,          // p -= lr (grad + wd p)
};

// What happens to the gates after their update; t is the threshold.
enum class Proximal : uint8_t {
  none,
  exact,        // sign(g) max(|g| - t, 0), t = rate * xi: the paper's equation
  released,     // where g > t subtract t; then where g < -t add t; then |g| < t is 0; t = xi
  released_lr,  // the same operator with t = rate * xi
};

// Which of the optimizer's groups a parameter belongs to.
struct ParameterRule {
  bool gate = false;  // the gates' group: own rate and epsilon, no decay, proximal step
  bool decay = true;  // weight decay (not on biases and LayerNorm); gates have none anyway
};

struct OptimizedParameter {
  Parameter* parameter = nullptr;
  ParameterRule rule;
};

struct OptimizerConfig {
  Update update = Update::adamw_torch;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.1;
  double max_grad_norm = 0.1;                // 0: no clipping
  Update gate_update = Update::adamw_torch;  // betas 0.9 and 0.999
  double gate_epsilon = 1e-6;
  Proximal proximal = Proximal::none;
};

// The rates of one step.
struct StepRates {
  double rate = 0;       // of the main group
  double gate_rate = 0;  // of the gates
  double xi = 0;         // the gates' threshold before Proximal makes it t; nothing where <= 0
};

class Optimizer {
 public:
  // Moves the parameters into flat buffers on their device: values and gradients are views of them
  // from then on, so backward() adds up in place. Throws where one is frozen or has no value.
  Optimizer(const OptimizerConfig& config, const std::vector<OptimizedParameter>& parameters);

  // One update: clipping by clip_scale(), the groups' updates, the proximal step. Gradients stay as
  // they were (unclipped) until zero_grad(). On a GPU nothing waits.
  void step(const StepRates& rates) {
    prepare(rates);
    update();
  }
  // The two parts of step(): what the host says of it, and the work, which is the same each time.
  void prepare(const StepRates& rates);
  void update();
  void zero_grad();
  // Of the last step, on the parameters' device; reading them waits for a GPU.
  const Tensor& grad_norm() const { return grad_norm_; }  // F64 (): 2-norm before clipping
  const Tensor& clip_scale() const {
    return clip_scale_;
  }  // (): min(1, max_grad_norm / (grad_norm
     // + 1e-6)); 1 where max_grad_norm is 0

  int64_t steps() const { return steps_; }  // updates done
  // For an exact resume: flat buffers (decayed, not decayed, gates, each in the order given) and
  // the number of updates. Write into the buffers with copy_from().
  const Tensor& values() const { return values_; }
  const Tensor& grads() const { return grads_; }
  const Tensor& first_moments() const { return first_moments_; }
  const Tensor& second_moments() const { return second_moments_; }
  void set_steps(int64_t steps) { steps_ = steps; }
  // A hash of names, shapes and groups in their order: equal where the buffers mean the same.
  uint64_t layout_hash() const { return layout_hash_; }

 private:
  // Elements [begin, end) of the flat buffers that share a rule.
  struct Segment {
    int64_t begin = 0, end = 0;
    ParameterRule rule;
  };
  void place(const std::vector<OptimizedParameter>& parameters);

  OptimizerConfig config_;
  std::vector<Segment> segments_;
  Tensor values_, grads_, first_moments_, second_moments_;
  Tensor grad_norm_, clip_scale_;
  Tensor settings_;  // bytes: the groups' kernels::AdamWSegment of this step
  int64_t steps_ = 0;
  uint64_t layout_hash_ = 0;
};

// Whether a parameter is decayed: not where its name ends in "bias" or its path holds "LayerNorm".
bool is_decayed(const std::string& path);

// adamw_torch or adamw_hf, as `optim` names them; exact, released, released_lr. Throw for others.
Update update_of(const std::string& optim);
Proximal proximal_of(const std::string& name);

}  // namespace soragrad::nn
