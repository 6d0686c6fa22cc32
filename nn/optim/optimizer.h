// Optimizer over flat buffers: trainable values, gradients and both Adam moments are one piece of
// memory each. The gradient norm, clipping, AdamW (or SGD) and the proximal step are then two
// passes over that memory, whatever the number of parameters.
//
//   nn::Optimizer optimizer({{.parameters = model.parameters(), .learning_rate = 1e-2}});
//   for (...) {
//     backward(loss);
//     optimizer.step();
//     optimizer.zero_grad();
//   }
//
// A fine-tuning method needs more than this in each step: sora::Tuner (sora/tuner.h) owns it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nn/optim/parameter_group.h"

namespace soragrad::nn {

// What differs from step to step, for one group.
struct GroupStep {
  double rate = 0;  // learning rate of this step
  double xi = 0;    // threshold of the group's proximal operator
};

class Optimizer {
 public:
  // Condition: every parameter is trainable, has a value and is in one group only; all are on one
  // device. Throws with the parameter's path otherwise, where no group has a parameter, and with
  // the setting's name for a number out of range.
  // Result: the values are copied into a flat buffer, group by group, and value and gradient of
  // each parameter become views of it, so backward() adds to the flat gradient in place.
  // Duty of the caller: keep the model alive, and make another optimizer after its parameters were
  // frozen, unfrozen or given other values by assign(). prepare() and step() refuse such
  // parameters. max_grad_norm: the 2-norm of all gradients together is clipped to it; 0: no
  // clipping.
  explicit Optimizer(std::vector<ParameterGroup> groups, double max_grad_norm = 0);
  Optimizer(const Optimizer&) = delete;  // both would write the same parameters
  Optimizer& operator=(const Optimizer&) = delete;

  // One update: clipping, the groups' update rules, the proximal step. Each group's rate is
  // factor * learning_rate, its threshold its xi; factor is at least 0. The gradients stay as they
  // were, unclipped, until zero_grad(). On a GPU the host does not wait.
  void step(double factor = 1);

  // The two halves of a step. prepare() uploads this step's scalars, one GroupStep a group;
  // update() launches the kernels. update() is identical in every step, so it can be captured in a
  // CUDA graph. Duty of the caller: one prepare() before each update().
  void prepare(std::span<const GroupStep> steps);
  void prepare(double factor = 1);  // rates and thresholds as step() has them
  void update();
  void zero_grad();

  // Of the last update, on the parameters' device; reading them waits for a GPU.
  // grad_norm: F64 (), 2-norm before clipping. clip_scale: (), what clipping multiplied the
  // gradients by: min(1, max_grad_norm / (grad_norm + 1e-6)).
  const Tensor& grad_norm() const { return grad_norm_; }
  const Tensor& clip_scale() const { return clip_scale_; }

  const std::vector<ParameterGroup>& groups() const { return groups_; }
  int64_t steps() const { return steps_; }  // updates done

  // For an exact resume: the flat buffers, group after group and parameter after parameter, and
  // the number of updates. Write into the buffers with copy_from().
  const Tensor& values() const { return values_; }
  const Tensor& grads() const { return grads_; }
  const Tensor& first_moments() const { return first_moments_; }
  const Tensor& second_moments() const { return second_moments_; }
  void set_steps(int64_t steps);  // at least 0
  // A hash of the names, shapes and groups in their order: equal hashes mean that the elements of
  // two optimizers' buffers belong to the same parameters.
  uint64_t layout_hash() const { return layout_hash_; }

 private:
  // Elements [begin, end) of the flat buffers: one group.
  struct Segment {
    int64_t begin = 0, end = 0;
  };
  std::vector<Segment> lay_out();
  void move_into_buffers();
  void require_unchanged() const;

  std::vector<ParameterGroup> groups_;
  std::vector<std::weak_ptr<Module::Token>> owners_;  // the modules whose parameters these are
  std::vector<Segment> segments_;
  double max_grad_norm_;
  Tensor values_, grads_, first_moments_, second_moments_;
  Tensor grad_norm_, clip_scale_;
  Tensor settings_;  // bytes: the groups' kernels::AdamWSegment of this step
  int64_t steps_ = 0;
  bool prepared_ = false;  // by the first prepare()
  uint64_t layout_hash_ = 0;
};

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
