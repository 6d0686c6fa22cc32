#include "sora/baselines/adapter.h"

#include <memory>
#include <utility>

#include "autograd/ops.h"
#include "nn/init.h"
#include "sora/targets.h"

namespace soragrad::sora {
namespace {

constexpr double kDeviation = 0.01;  // OpenDelta 0.3.2, AdapterLayer

}  // namespace

nn::Activation activation_of(const std::string& name) {
  const auto found = nn::find_activation(name);
  require(found && *found != nn::Activation::tanh,
          "[adapter_activation] \"{}\" is not known; use gelu_new, gelu or relu.", name);
  return *found;
}

BottleneckDelta::BottleneckDelta(nn::Linear& linear, int64_t bottleneck, nn::Activation activation)
    : down_weight(&linear, "adapter_down.weight", {bottleneck, linear.out()}),
      down_bias(&linear, "adapter_down.bias", {bottleneck}),
      up_weight(&linear, "adapter_up.weight", {linear.out(), bottleneck}),
      up_bias(&linear, "adapter_up.bias", {linear.out()}),
      linear_(linear),
      activation_(activation) {
  for (nn::Parameter* each : {&down_weight, &down_bias, &up_weight, &up_bias}) {
    each->set_requires_grad(true);
  }
}

void BottleneckDelta::initialize(uint64_t seed) {
  const Device device = linear_.weight.defined() ? linear_.weight.device() : Device::cpu;
  for (nn::Parameter* weight : {&down_weight, &up_weight}) {
    weight->assign(
        nn::normal(weight->declared_shape(), kDeviation, seed, weight->path()).to(device));
  }
  for (nn::Parameter* bias : {&down_bias, &up_bias}) {
    bias->assign(Tensor::zeros(bias->declared_shape(), kReal, device));
  }
}

Variable BottleneckDelta::forward(const Variable&, Variable y, const nn::Pass&) {
  const Variable down = nn::activate(activation_, linear(y, down_weight, down_bias));
  return add(y, linear(down, up_weight, up_bias));
}

void Adapter::attach_to(nn::Module& model, std::optional<uint64_t> seed) {
  bool found = false;
  for (nn::Linear* linear : linears(model)) {
    const bool houlsby = config_.method == "houlsby";
    const bool takes = linear->role() == nn::Role::output ||
                       (houlsby && linear->role() == nn::Role::attention_output);
    if (!takes) continue;
    auto delta = std::make_unique<BottleneckDelta>(*linear, config_.bottleneck,
                                                   activation_of(config_.adapter_activation));
    if (seed) delta->initialize(*seed);
    attach_delta(*linear, std::move(delta));
    found = true;
  }
  require(found, "[{}] the model has no transformer layer with an output Linear.", name());
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
