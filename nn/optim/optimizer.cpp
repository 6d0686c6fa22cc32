#include "nn/optim/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>
#include <string_view>

#include "core/integer_math.h"
#include "core/kernels/optim/adamw.h"
#include "core/kernels/optim/grad_norm.h"

namespace soragrad::nn {
namespace {

constexpr int64_t kAlignment = 64 / sizeof(real);       // elements: a view begins on a cache line
constexpr double kGateBeta1 = 0.9, kGateBeta2 = 0.999;  // transformers' AdamW, as in SparseAdamW

int64_t aligned(int64_t elements) {
  return round_up(elements, kAlignment);
}

// 0 decayed, 1 not decayed, 2 gates.
constexpr int kGroups = 3;
int group_of(const ParameterRule& rule) {
  return rule.gate ? 2 : rule.decay ? 0 : 1;
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

// FNV-1a over a parameter's name and extent.
uint64_t hash_more(uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return hash;
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config,
                     const std::vector<OptimizedParameter>& parameters)
    : config_(config) {
  require(!parameters.empty(), "[optimizer] no parameter trains.");
  std::set<const Parameter*> seen;
  for (const OptimizedParameter& item : parameters) {
    const Parameter& parameter = *item.parameter;
    require(parameter.defined(), "[optimizer] {} has no value yet; load or draw it first.",
            parameter.path());
    require(parameter.requires_grad(), "[optimizer] {} is frozen.", parameter.path());
    require(seen.insert(&parameter).second, "[optimizer] {} is given twice.", parameter.path());
    require(parameter.device() == parameters.front().parameter->device(),
            "[optimizer] {} is on {}, {} on {}; move the model as a whole.", parameter.path(),
            name_of(parameter.device()), parameters.front().parameter->path(),
            name_of(parameters.front().parameter->device()));
  }
  place(parameters);
}

void Optimizer::place(const std::vector<OptimizedParameter>& parameters) {
  int64_t total = 0;
  layout_hash_ = 14695981039346656037u;
  std::vector<int64_t> begins(parameters.size());
  for (int group = 0; group < kGroups; ++group) {
    Segment segment{total, total, {.gate = group == 2, .decay = group == 0}};
    for (size_t i = 0; i < parameters.size(); ++i) {
      const auto& [parameter, rule] = parameters[i];
      if (group_of(rule) != group) continue;
      begins[i] = total;
      total += aligned(parameter->value().numel());
      layout_hash_ = hash_more(
          layout_hash_, fmt::format("{} {} {};", group, parameter->path(), parameter->shape()));
    }
    segment.end = total;
    segments_.push_back(segment);
  }
  const Device device = parameters.front().parameter->device();
  // Zeros between the views stay zero under every update and add nothing to the norm.
  values_ = Tensor::zeros({total}, kReal, device);
  grads_ = Tensor::zeros({total}, kReal, device);
  first_moments_ = Tensor::zeros({total}, kReal, device);
  second_moments_ = Tensor::zeros({total}, kReal, device);
  grad_norm_ = Tensor::zeros({}, DType::f64, device);
  clip_scale_ = Tensor::full({}, 1, device);
  settings_ = Tensor::empty({kGroups * static_cast<int64_t>(sizeof(kernels::AdamWSegment))},
                            DType::u8, device);
  for (size_t i = 0; i < parameters.size(); ++i) {
    Parameter& parameter = *parameters[i].parameter;
    const int64_t end = begins[i] + parameter.value().numel();
    const Tensor value = values_.slice(begins[i], end).view(parameter.shape());
    value.copy_from(parameter.value());
    parameter.set_value(value);
    parameter.set_grad(grads_.slice(begins[i], end).view(parameter.shape()));
  }
}

void Optimizer::prepare(const StepRates& rates) {
  ++steps_;
  const auto t = static_cast<double>(steps_);
  std::array<kernels::AdamWSegment, kGroups> settings;
  for (int group = 0; group < kGroups; ++group) {
    const Segment& segment = segments_[static_cast<size_t>(group)];
    const bool gate = segment.rule.gate;
    kernels::AdamWSegment& setting = settings[static_cast<size_t>(group)];
    setting.begin = segment.begin;
    setting.end = segment.end;
    setting.lr = gate ? rates.gate_rate : rates.rate;
    setting.weight_decay = segment.rule.decay && !gate ? config_.weight_decay : 0;
    setting.beta1 = gate ? kGateBeta1 : config_.beta1;
    setting.beta2 = gate ? kGateBeta2 : config_.beta2;
    setting.eps = gate ? config_.gate_epsilon : config_.epsilon;
    setting.correction1 = 1 - std::pow(setting.beta1, t);
    setting.correction2 = 1 - std::pow(setting.beta2, t);
    setting.rule = kernel_rule(gate ? config_.gate_update : config_.update);
    if (!gate) continue;
    setting.proximal = kernel_operator(config_.proximal);
    setting.threshold =
        config_.proximal == Proximal::released ? rates.xi : rates.gate_rate * rates.xi;
  }
  Tensor table = Tensor::empty({static_cast<int64_t>(sizeof(settings))}, DType::u8);
  std::memcpy(table.raw(), settings.data(), sizeof(settings));
  settings_.copy_from(table);
}

void Optimizer::update() {
  const Device device = values_.device();
  kernels::grad_norm(device, {.grad = grads_.data(),
                              .norm = grad_norm_.data<double>(),
                              .scale = clip_scale_.data(),
                              .n = grads_.numel(),
                              .max_norm = config_.max_grad_norm});
  kernels::adamw(device, {.value = values_.data(),
                          .grad = grads_.data(),
                          .m = first_moments_.data(),
                          .v = second_moments_.data(),
                          .segments = reinterpret_cast<kernels::AdamWSegment*>(settings_.raw()),
                          .segment_count = kGroups,
                          .grad_scale = clip_scale_.data()});
}

void Optimizer::zero_grad() {
  grads_.fill_zero();
}

bool is_decayed(const std::string& path) {
  return !path.ends_with("bias") && path.find("LayerNorm") == std::string::npos;
}

Update update_of(const std::string& optim) {
  if (optim == "adamw_torch") return Update::adamw_torch;
  if (optim == "adamw_hf") return Update::adamw_hf;
  fail("[optim] \"{}\" is not known; use adamw_torch or adamw_hf.", optim);
}

Proximal proximal_of(const std::string& name) {
  if (name == "exact") return Proximal::exact;
  if (name == "released") return Proximal::released;
  if (name == "released_lr") return Proximal::released_lr;
  fail("[proximal] \"{}\" is not known; use exact, released or released_lr.", name);
}

}  // namespace soragrad::nn
