#include "sora/method.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

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

double default_xi(const std::string& proximal) {
  return proximal == "released" ? 3e-4 : 0.4;
}

MethodConfig Method::config() const {
  return {.method = std::string(name())};
}

std::vector<nn::ParameterGroup> Method::groups(nn::Module& model,
                                               const nn::ParameterGroup& main) const {
  nn::ParameterGroup decayed = main, plain = main;
  plain.weight_decay = 0;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    if (!parameter.requires_grad()) return;
    (nn::is_decayed(parameter.path()) ? decayed : plain).parameters.push_back(&parameter);
  });
  return {std::move(decayed), std::move(plain)};
}

std::vector<nn::Parameter*> adapter_parameters(nn::Module& model) {
  std::vector<nn::Parameter*> parameters;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    if (parameter.requires_grad() || nn::is_head(parameter)) parameters.push_back(&parameter);
  });
  return parameters;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
