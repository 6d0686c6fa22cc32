#include "nn/optim/parameter_group.h"

#include <iterator>
#include <utility>

#include "core/error.h"

namespace soragrad::nn {

ParameterGroup& split_off(std::vector<ParameterGroup>& groups,
                          const std::function<bool(const Parameter&)>& belongs) {
  ParameterGroup* source = nullptr;
  std::vector<Parameter*> taken, left;  // of the source
  for (ParameterGroup& group : groups) {
    std::vector<Parameter*> others;
    for (Parameter* parameter : group.parameters) {
      if (!belongs(*parameter)) {
        others.push_back(parameter);
        continue;
      }
      require(source == nullptr || source == &group,
              "[split_off] {} and {} are in groups of different settings; split them one by one.",
              taken.empty() ? "" : taken.front()->path(), parameter->path());
      source = &group;
      taken.push_back(parameter);
    }
    if (source == &group) left = std::move(others);
  }
  require(source != nullptr, "[split_off] no trainable parameter is accepted.");
  source->parameters = std::move(left);
  ParameterGroup group = *source;
  group.parameters = std::move(taken);
  groups.push_back(std::move(group));
  return groups.back();
}

bool is_decayed(const std::string& path) {
  return !path.ends_with("bias") && path.find("LayerNorm") == path.npos &&
         path.find("layer_norm") == path.npos;
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

// SPDX-License-Identifier: Apache-2.0
