#include "sora/method.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "sora/baselines/adalora.h"
#include "sora/baselines/adapter.h"
#include "sora/baselines/bitfit.h"
#include "sora/baselines/full.h"
#include "sora/baselines/lora.h"
#include "sora/method_config.h"
#include "sora/sora.h"

namespace soragrad::sora {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Method> (*make)(const MethodConfig& config);
};

template <typename T>
std::unique_ptr<Method> make(const MethodConfig& config) {
  return std::make_unique<T>(config);
}

constexpr Entry kMethods[] = {
    {"sora", make<Sora>},       {"lora", make<Lora>},        {"adalora", make<AdaLora>},
    {"houlsby", make<Adapter>}, {"pfeiffer", make<Adapter>}, {"bitfit", make<BitFit>},
    {"full", make<Full>},
};

}  // namespace

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kMethods) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<Method> make_method(const MethodConfig& config) {
  check(config);
  for (const Entry& entry : kMethods) {
    if (config.method == entry.name) return entry.make(config);
  }
  fail("[method] \"{}\" is not known; use one of {}.", config.method,
       fmt::join(method_names(), ", "));
}

nn::ParameterRule Method::rule(const nn::Parameter& parameter) const {
  return {.gate = false, .decay = nn::is_decayed(parameter.path())};
}

std::vector<nn::Parameter*> adapter_parameters(nn::Module& model) {
  std::vector<nn::Parameter*> parameters;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    if (parameter.requires_grad() || nn::is_head(parameter)) parameters.push_back(&parameter);
  });
  return parameters;
}

std::vector<nn::OptimizedParameter> optimized_parameters(nn::Module& model, const Method& method) {
  std::vector<nn::OptimizedParameter> parameters;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    if (parameter.requires_grad()) parameters.push_back({&parameter, method.rule(parameter)});
  });
  return parameters;
}

void configure_gates(const MethodConfig& config, nn::OptimizerConfig& optimizer) {
  optimizer.gate_epsilon = config.sparse_adam_epsilon;
  optimizer.gate_update = config.sparse_optim == "sgd" ? nn::Update::sgd : optimizer.update;
  optimizer.proximal = nn::proximal_of(config.proximal);
}

}  // namespace soragrad::sora
