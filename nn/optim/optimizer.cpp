#include "nn/optim/optimizer.h"

#include <cmath>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

#include "core/allowed_values.h"
#include "core/integer_math.h"
#include "core/kernels/optim/adamw.h"
#include "core/kernels/optim/grad_norm.h"

namespace soragrad::nn {
namespace {

constexpr int64_t kAlignment = 64 / sizeof(real);  // elements: a view begins on a cache line

int64_t aligned(int64_t elements) {
  return round_up(elements, kAlignment);
}

kernels::UpdateRule kernel_rule(Update update) {
  switch (update) {
    case Update::adamw_torch:
      return kernels::UpdateRule::torch;
    case Update::adamw_hf:
      return kernels::UpdateRule::hf;
    case Update::sgd:
      return kernels::UpdateRule::sgd;
  }
  return kernels::UpdateRule::torch;
}

kernels::Proximal kernel_operator(Proximal proximal) {
  switch (proximal) {
    case Proximal::none:
      return kernels::Proximal::none;
    case Proximal::exact:
      return kernels::Proximal::exact;
    case Proximal::released:
    case Proximal::released_lr:
      return kernels::Proximal::released;
  }
  return kernels::Proximal::none;
}

// FNV-1a, a hash that is the same on every machine: checkpoints hold it.
constexpr uint64_t kHashSeed = 14695981039346656037u;
uint64_t hash_more(uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return hash;
}

void check_numbers(const ParameterGroup& group) {
  require_range("learning_rate", group.learning_rate, ranges::kNotNegative);
  require_range("beta1", group.beta1, ranges::kShare);
  require_range("beta2", group.beta2, ranges::kShare);
  require_range("epsilon", group.epsilon, ranges::kPositive);
  require_range("weight_decay", group.weight_decay, ranges::kNotNegative);
  require_range("xi", group.xi, ranges::kNotNegative);
}

void check(const std::vector<ParameterGroup>& groups) {
  const Parameter* first = nullptr;
  std::set<const Parameter*> seen;
  for (const ParameterGroup& group : groups) {
    check_numbers(group);
    for (const Parameter* parameter : group.parameters) {
      require(parameter != nullptr,
              "[optimizer] a parameter is null; find_parameter() gives null for a path that no "
              "parameter has.");
      if (!first) first = parameter;
      require(parameter->defined(), "[optimizer] {} has no value yet; load or draw it first.",
              parameter->path());
      require(parameter->requires_grad(), "[optimizer] {} is frozen.", parameter->path());
      require(seen.insert(parameter).second, "[optimizer] {} is given twice.", parameter->path());
      require(parameter->device() == first->device(),
              "[optimizer] {} is on {}, {} on {}; move the model as a whole.", parameter->path(),
              name_of(parameter->device()), first->path(), name_of(first->device()));
    }
  }
  require(first != nullptr, "[optimizer] no parameter trains.");
}

}  // namespace

Optimizer::Optimizer(std::vector<ParameterGroup> groups, double max_grad_norm)
    : groups_(std::move(groups)), max_grad_norm_(max_grad_norm) {
  check(groups_);
  require_range("max_grad_norm", max_grad_norm_, ranges::kNotNegative);
  segments_ = lay_out();
  move_into_buffers();
}

// Groups lie one after another, and in a group its parameters, each from a cache line on. The hash
// covers everything that the layout depends on: a checkpoint of another layout is refused.
std::vector<Optimizer::Segment> Optimizer::lay_out() {
  std::vector<Segment> segments;
  int64_t total = 0;
  layout_hash_ = kHashSeed;
  for (size_t group = 0; group < groups_.size(); ++group) {
    Segment segment{total, total};
    for (const Parameter* parameter : groups_[group].parameters) {
      segment.end += aligned(parameter->value().numel());
      layout_hash_ = hash_more(
          layout_hash_, fmt::format("{} {} {};", group, parameter->path(), parameter->shape()));
    }
    total = segment.end;
    segments.push_back(segment);
  }
  return segments;
}

// From here on parameters are views into one buffer of values and one of gradients, so that the
// norm and the update are one launch each (llm.c lays its parameters out in the same way).
void Optimizer::move_into_buffers() {
  Device device = Device::cpu;
  for (const ParameterGroup& group : groups_) {
    if (!group.parameters.empty()) device = group.parameters.front()->device();
  }
  // Zeros between the views stay zero under every update and add nothing to the norm.
  const int64_t total = segments_.back().end;
  values_ = Tensor::zeros({total}, kReal, device);
  grads_ = Tensor::zeros({total}, kReal, device);
  first_moments_ = Tensor::zeros({total}, kReal, device);
  second_moments_ = Tensor::zeros({total}, kReal, device);
  grad_norm_ = Tensor::zeros({}, DType::f64, device);
  clip_scale_ = Tensor::full({}, 1, device);
  settings_ = Tensor::empty({static_cast<int64_t>(groups_.size() * sizeof(kernels::AdamWSegment))},
                            DType::u8, device);
  const Module* owner = nullptr;
  for (size_t group = 0; group < groups_.size(); ++group) {
    int64_t begin = segments_[group].begin;
    for (Parameter* parameter : groups_[group].parameters) {
      const int64_t end = begin + parameter->value().numel();
      const Tensor value = values_.slice(begin, end).view(parameter->shape());
      value.copy_from(parameter->value());
      parameter->set_value(value);
      parameter->set_grad(grads_.slice(begin, end).view(parameter->shape()));
      if (owner != &parameter->owner()) owners_.push_back(parameter->owner().token());
      owner = &parameter->owner();
      begin += aligned(end - begin);
    }
  }
}

// Frozen under the optimizer, a parameter would go on moving by its momentum and decay; unfrozen
// again, or given another value, it would not train, because its gradient is elsewhere.
void Optimizer::require_unchanged() const {
  for (const std::weak_ptr<Module::Token>& owner : owners_) {
    require(!owner.expired(),
            "[optimizer] the model was destroyed; it must outlive its optimizer.");
  }
  for (const ParameterGroup& group : groups_) {
    for (const Parameter* parameter : group.parameters) {
      const bool same = parameter->value().storage() == values_.storage() &&
                        parameter->grad().storage() == grads_.storage();
      if (same) continue;  // before a path is made
      fail(
          "[optimizer] {} was frozen, unfrozen or assigned after its optimizer was made; make "
          "another one.",
          parameter->path());
    }
  }
}

void Optimizer::step(double factor) {
  prepare(factor);
  update();
}

void Optimizer::prepare(double factor) {
  std::vector<GroupStep> steps;
  for (const ParameterGroup& group : groups_) {
    steps.push_back({factor * group.learning_rate, group.xi});
  }
  prepare(steps);
}

void Optimizer::prepare(std::span<const GroupStep> steps) {
  require(steps.size() == groups_.size(), "[optimizer] {} rates for {} groups.", steps.size(),
          groups_.size());
  require_unchanged();
  for (const GroupStep& step : steps) {
    require_range("learning_rate", step.rate, ranges::kNotNegative);
    require_range("xi", step.xi, ranges::kNotNegative);
  }
  prepared_ = true;
  ++steps_;
  const auto t = static_cast<double>(steps_);
  std::vector<kernels::AdamWSegment> settings(groups_.size());
  for (size_t i = 0; i < groups_.size(); ++i) {
    const ParameterGroup& group = groups_[i];
    const auto [rate, xi] = steps[i];
    settings[i] = {.begin = segments_[i].begin,
                   .end = segments_[i].end,
                   .lr = rate,
                   .weight_decay = group.weight_decay,
                   .beta1 = group.beta1,
                   .beta2 = group.beta2,
                   .eps = group.epsilon,
                   // Adam's bias corrections (arXiv 1412.6980, algorithm 1)
                   .correction1 = 1 - std::pow(group.beta1, t),
                   .correction2 = 1 - std::pow(group.beta2, t),
                   .rule = kernel_rule(group.update),
                   .proximal = kernel_operator(group.proximal),
                   .threshold = group.proximal == Proximal::released ? xi : rate * xi};
  }
  const Tensor table = Tensor::empty(settings_.shape(), DType::u8);
  std::memcpy(table.raw(), settings.data(), table.bytes());
  settings_.copy_from(table);
}

void Optimizer::set_steps(int64_t steps) {
  require_range("steps", static_cast<double>(steps), ranges::kCountOrNone);
  steps_ = steps;
}

void Optimizer::update() {
  require(prepared_,
          "[optimizer] update() without prepare(); call prepare() before each update().");
  const Device device = values_.device();
  kernels::grad_norm(device, {.grad = grads_.data(),
                              .norm = grad_norm_.data<double>(),
                              .scale = clip_scale_.data(),
                              .n = grads_.numel(),
                              .max_norm = max_grad_norm_});
  kernels::adamw(device, {.value = values_.data(),
                          .grad = grads_.data(),
                          .m = first_moments_.data(),
                          .v = second_moments_.data(),
                          .segments = reinterpret_cast<kernels::AdamWSegment*>(settings_.raw()),
                          .segment_count = static_cast<int64_t>(groups_.size()),
                          .grad_scale = clip_scale_.data()});
}

void Optimizer::zero_grad() {
  grads_.fill_zero();
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
