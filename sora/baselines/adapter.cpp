#include "sora/baselines/adapter.h"

#include <memory>
#include <utility>

#include "autograd/ops.h"
#include "nn/init.h"
#include "sora/targets.h"

namespace soragrad::sora {
namespace {

constexpr double kDeviation = 0.01;  // OpenDelta 0.3.2, AdapterLayer

Variable activate(const Variable& x, Activation activation) {
  switch (activation) {
    case Activation::gelu_new:
      return gelu_new(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::relu:
      return relu(x);
  }
  return x;
}

}  // namespace

Activation activation_of(const std::string& name) {
  if (name == "gelu_new") return Activation::gelu_new;
  if (name == "gelu") return Activation::gelu;
  if (name == "relu") return Activation::relu;
  fail("[adapter_activation] \"{}\" is not known; use gelu_new, gelu or relu.", name);
}

BottleneckDelta::BottleneckDelta(nn::Linear& linear, int64_t bottleneck, Activation activation)
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
  const Variable down = activate(linear(y, down_weight, down_bias), activation_);
  return add(y, linear(down, up_weight, up_bias));
}

void Adapter::attach_to(nn::Module& model, std::optional<uint64_t> seed) {
  bool found = false;
  for (nn::Linear* linear : linears(model)) {
    const std::string path = linear->path();
    if (path.find("encoder.layer.") == std::string::npos) continue;
    if (!matches(path, "output.dense")) continue;
    if (config_.method == "pfeiffer" && matches(path, "attention.output.dense")) continue;
    auto delta = std::make_unique<BottleneckDelta>(*linear, config_.bottleneck,
                                                   activation_of(config_.adapter_activation));
    if (seed) delta->initialize(*seed);
    attach_delta(*linear, std::move(delta));
    found = true;
  }
  require(found, "[{}] the model has no encoder.layer.N with an output.dense.", name());
}

}  // namespace soragrad::sora
