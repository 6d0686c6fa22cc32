#include "sora/tuner.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "autograd/graph.h"
#include "core/allowed_values.h"
#include "core/communicator.h"
#include "core/integer_math.h"
#include "core/profile.h"
#include "core/tensor_values.h"
#include "sora/targets.h"

namespace soragrad::sora {
namespace {

// Keys whose default follows from others become numbers here: the adapter's file holds them.
std::unique_ptr<Method> make_tuned(MethodConfig config, const TunerSettings& settings) {
  if (!config.sparse_lr) config.sparse_lr = settings.learning_rate;
  if (!config.xi) config.xi = default_xi(config.proximal);
  return make_method(config);
}

// The ranges are those of the keys of `train`.
void check(const TunerSettings& settings) {
  require_range("learning_rate", settings.learning_rate, ranges::kNotNegative);
  require_range("weight_decay", settings.weight_decay, ranges::kNotNegative);
  require_range("adam_beta1", settings.adam_beta1, ranges::kShare);
  require_range("adam_beta2", settings.adam_beta2, ranges::kShare);
  require_range("adam_epsilon", settings.adam_epsilon, ranges::kPositive);
  require_range("max_grad_norm", settings.max_grad_norm, ranges::kNotNegative);
  require_range("warmup_ratio", settings.warmup_ratio, ranges::kRatio);
  require_range("warmup_steps", static_cast<double>(settings.warmup_steps), ranges::kCountOrNone);
  require_range("total_steps", static_cast<double>(settings.total_steps), ranges::kCount);
  require_range("gradient_accumulation_steps",
                static_cast<double>(settings.gradient_accumulation_steps), ranges::kCount);
  nn::update_of(settings.optim);  // throws for an unknown name
}

}  // namespace

Phase make_phase(const TunerSettings& settings, int64_t steps, std::optional<double> xi) {
  const nn::Schedule schedule{
      nn::schedule_type_of(settings.lr_scheduler_type),
      nn::warmup_length(settings.warmup_ratio, settings.warmup_steps, steps), steps};
  return {.steps = steps, .schedule = schedule, .gate_schedule = schedule, .xi = xi};
}

Tuner::Tuner(nn::Module& model, MethodConfig method, const TunerSettings& settings)
    : Tuner(OwnMethod{}, model, make_tuned(std::move(method), settings), settings) {}

Tuner::Tuner(OwnMethod, nn::Module& model, std::unique_ptr<Method> method, TunerSettings settings)
    : model_(model), settings_(std::move(settings)), method_(std::move(method)) {
  check(settings_);
  require(method_ != nullptr, "[tuner] there is no method.");
  begin_phase(make_phase(settings_, settings_.total_steps));
  const auto token = model.token().lock();
  require(!token->trained, "[tuner] the model has a tuner already; destroy that one first.");
  method_->attach(model, settings_.seed);
  one_ = Tensor::full({}, 1, device_of(model));
  token->trained = true;
  model_token_ = token;
}

Tuner::~Tuner() {
  if (const auto token = model_token_.lock()) token->trained = false;
}

void Tuner::require_model() const {
  require(!model_token_.expired(), "[tuner] the model was destroyed; it must outlive its tuner.");
}

nn::Optimizer& Tuner::optimizer() {
  require_model();
  if (optimizer_) return *optimizer_;
  const nn::ParameterGroup main{.learning_rate = settings_.learning_rate,
                                .beta1 = settings_.adam_beta1,
                                .beta2 = settings_.adam_beta2,
                                .epsilon = settings_.adam_epsilon,
                                .weight_decay = settings_.weight_decay,
                                .update = nn::update_of(settings_.optim)};
  std::vector<nn::ParameterGroup> groups = method_->groups(model_, main);
  if (settings_.edit_groups) settings_.edit_groups(groups);
  optimizer_ = std::make_unique<nn::Optimizer>(std::move(groups), settings_.max_grad_norm);
  model_.for_each_parameter([&](nn::Parameter& parameter) {
    if (parameter.requires_grad()) trained_.push_back(&parameter);
  });
  return *optimizer_;
}

// Walks the model as it is now: a parameter that was destroyed is never touched.
void Tuner::require_unchanged() {
  const nn::Optimizer& optimizer = this->optimizer();
  size_t found = 0;
  std::string other;  // a parameter that is not as the optimizer left it
  model_.for_each_parameter([&](nn::Parameter& parameter) {
    if (!other.empty() || !parameter.requires_grad()) return;
    const bool same = found < trained_.size() && trained_[found] == &parameter &&
                      parameter.value().storage() == optimizer.values().storage() &&
                      parameter.grad().storage() == optimizer.grads().storage();
    same ? void(++found) : void(other = parameter.path());
  });
  require(other.empty() && found == trained_.size(),
          "[tuner] the model was changed under its tuner{}{}: load values and freeze parameters "
          "before the first pass(), merge or prune after the tuner is gone.",
          other.empty() ? "" : " at ", other);
}

void Tuner::require_between_steps(const char* call) const {
  require(!pass_is_open_ && parts_ == 0,
          "[tuner] {} in the middle of a step: backward() and step() of step {} come first.", call,
          steps_ + 1);
}

nn::Pass Tuner::pass() {
  require_model();
  require(
      !phase_done(),
      "[tuner] all {} updates of this phase are done; set total_steps higher, or begin_phase().",
      phase_.steps);
  const int64_t unit = passes_ * world().size() + world().rank();
  require(unit < settings_.gradient_accumulation_steps,
          "[tuner] step {} has {} forward passes already, as gradient_accumulation_steps says; "
          "call step(), or set it higher.",
          steps_ + 1, passes_);
  require_unchanged();
  // Counts all forward passes of training: the key of dropout's random numbers (core/rng.h).
  const int64_t number = steps_ * settings_.gradient_accumulation_steps + unit;
  require(number <= std::numeric_limits<uint32_t>::max(), "[tuner] {} forward passes are too many.",
          number);
  ++passes_;
  pass_is_open_ = true;
  return {.training = true, .seed = settings_.seed, .step = static_cast<uint32_t>(number)};
}

void Tuner::backward(const Variable& loss, int64_t parts) {
  backward(parts, [&] {
    const profile::Span span("backward");
    soragrad::backward(loss, Tensor::full({}, real{1} / static_cast<real>(parts), one_.device()));
    return loss.value();
  });
}

Tensor Tuner::backward(int64_t parts, const Work& passes) {
  require(
      pass_is_open_,
      "[tuner] backward() of step {} without a pass of its own; call pass() for each forward().",
      steps_ + 1);
  require(parts >= 1 && (parts_ == 0 || parts_ == parts),
          "[tuner] backward() of step {} with {} parts after {}.", steps_ + 1, parts, parts_);
  require(rounds_done_ * world().size() + world().rank() < parts,
          "[tuner] all {} parts of step {} are there; call step().", parts, steps_ + 1);
  require_unchanged();
  Tensor result = passes();
  add_unit(parts);
  pass_is_open_ = false;
  return result;
}

void Tuner::no_loss(int64_t parts) {
  const int64_t first = rounds_done_ * world().size();
  require(!pass_is_open_ && first < parts && first + world().rank() >= parts,
          "[tuner] no_loss() in step {}, which has a loss for this process, or all {}.", steps_ + 1,
          parts);
  require_unchanged();
  add_unit(parts);
}

// A lone loss needs no sum: its gradient is where the update reads it.
void Tuner::add_unit(int64_t parts) {
  const int64_t processes = world().size();
  const int64_t units = std::min(processes, parts - rounds_done_ * processes);
  if (parts > 1 || processes > 1) units_.add(optimizer_->grads(), static_cast<int>(units));
  parts_ = parts;
  ++rounds_done_;
}

void Tuner::abandon_step() {
  require_model();
  if (optimizer_) optimizer_->zero_grad();
  units_ = {};
  passes_ = parts_ = rounds_done_ = 0;
  pass_is_open_ = false;
}

void Tuner::step() {
  step([](const Work& update) { return update(); });
}

// prepare() calls upload this step's numbers from the host; run() then calls update(), which
// launches the same kernels in every step, or replays them from a CUDA graph.
Tensor Tuner::step(const std::function<Tensor(const Work& update)>& run) {
  require(parts_ > 0, "[tuner] step {} has no loss; call backward() before step().", steps_ + 1);
  require(rounds_done_ == ceil_div(parts_, int64_t{world().size()}),
          "[tuner] step {} has {} of its {} parts; call backward() for each.", steps_ + 1,
          rounds_done_, parts_);
  require(!pass_is_open_, "[tuner] a pass of step {} has no backward().", steps_ + 1);
  require_unchanged();
  units_.finish(optimizer_->grads());
  rate_ = settings_.learning_rate * phase_.schedule.factor(phase_steps_);
  const std::vector<nn::GroupStep> rates = group_steps();
  optimizer_->prepare(rates);
  add_threshold(rates);
  method_->prepare(steps_, total_steps_);
  regularizer_ = run([this] { return update(); });
  ++steps_;
  ++phase_steps_;
  passes_ = parts_ = rounds_done_ = 0;
  return regularizer_;
}

// Gates have a schedule of their own (the released code rounds their warm-up down), and the
// threshold of the phase, which replaces the group's.
std::vector<nn::GroupStep> Tuner::group_steps() const {
  std::vector<nn::GroupStep> steps;
  for (const nn::ParameterGroup& group : optimizer_->groups()) {
    const bool gates = group.proximal != nn::Proximal::none;
    const nn::Schedule& schedule = gates ? phase_.gate_schedule : phase_.schedule;
    steps.push_back({group.learning_rate * schedule.factor(phase_steps_),
                     gates ? phase_.xi.value_or(group.xi) : 0});
  }
  return steps;
}

// A gate that no gradient moves loses the threshold in each step, so the sum over all steps is how
// far gates can be pulled towards 0 in total. One group of gates counts: all have the same rate and
// xi.
void Tuner::add_threshold(const std::vector<nn::GroupStep>& steps) {
  for (size_t i = 0; i < steps.size(); ++i) {
    const nn::Proximal proximal = optimizer_->groups()[i].proximal;
    if (proximal == nn::Proximal::none) continue;
    const double per_xi = proximal == nn::Proximal::released ? 1 : steps[i].rate;
    thresholds_.sum += per_xi * steps[i].xi;
    thresholds_.per_xi += per_xi;
    return;
  }
}

std::optional<GateReach> Tuner::gate_reach() {
  for (const nn::ParameterGroup& group : optimizer().groups()) {
    if (group.proximal == nn::Proximal::none) continue;
    std::vector<Tensor> gates;
    for (const nn::Parameter* parameter : group.parameters) gates.push_back(parameter->value());
    return reach_of(values_of(gates), thresholds_);
  }
  return std::nullopt;
}

// The order matters: the regularizer's gradient is clipped together with the loss's, the proximal
// step is a part of the optimizer's update, and AdaLoRA's scores read the gradients that were used.
Tensor Tuner::update() {
  Tensor value;
  if (const Variable term = method_->regularizer(); term.defined()) {
    value = term.value();
    soragrad::backward(term, one_);
  }
  const profile::Span span("update");
  optimizer_->update();
  method_->after_step(optimizer_->clip_scale());
  optimizer_->zero_grad();
  return value;
}

const Tensor& Tuner::grad_norm() {
  return optimizer().grad_norm();
}

void Tuner::begin_phase(const Phase& phase) {
  require_between_steps("begin_phase()");
  require(phase.steps >= 1, "[tuner] a phase of {} updates; at least 1 is wanted.", phase.steps);
  if (phase.xi) require_range("xi", *phase.xi, ranges::kNotNegative);
  phase_ = phase;
  phase_steps_ = 0;
  total_steps_ = steps_ + phase.steps;
}

void Tuner::save(const std::filesystem::path& folder, const AdapterInfo& info) {
  require_model();
  require_between_steps("save()");
  save_adapter(folder, model_, method_->config(), info);
}

void Tuner::load(const std::filesystem::path& folder) {
  require_model();
  require(!optimizer_, "[tuner] load() comes before the first pass() of a tuner.");
  load_adapter_values(folder, method_->name(), model_);
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
