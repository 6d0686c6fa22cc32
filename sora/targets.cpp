#include "sora/targets.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "sora/method.h"
#include "sora/target_pattern.h"

namespace soragrad::sora {
namespace {

// The part of a path behind the layer's number; the whole path if it has none.
std::string_view within_layer(std::string_view path) {
  const auto split = nn::split_layer(path);
  return split ? split->within : path;
}

}  // namespace

std::vector<nn::Linear*> linears(nn::Module& model) {
  std::vector<nn::Linear*> found;
  model.for_each_module([&](nn::Module& module) {
    if (auto* linear = dynamic_cast<nn::Linear*>(&module)) found.push_back(linear);
  });
  return found;
}

std::vector<nn::Linear*> find_targets(nn::Module& model, const std::vector<std::string>& targets) {
  std::vector<nn::Linear*> candidates;
  std::vector<std::string> paths;
  std::set<std::string> names;
  for (nn::Linear* linear : linears(model)) {
    if (nn::is_head(*linear)) continue;
    candidates.push_back(linear);
    paths.push_back(linear->path());
    names.emplace(within_layer(paths.back()));
  }
  std::vector<bool> taken(candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    taken[i] = targets.empty() && nn::is_layer_linear(candidates[i]->role());
  }
  for (const std::string& target : targets) {
    const std::vector<bool> selected = TargetPattern(target).select(paths);
    require(std::ranges::find(selected, true) != selected.end(),
            "[target_modules] \"{}\" matches no Linear; there are {}.", shown(target),
            fmt::join(names, ", "));
    for (size_t i = 0; i < taken.size(); ++i) taken[i] = taken[i] || selected[i];
  }
  std::vector<nn::Linear*> found;
  for (size_t i = 0; i < taken.size(); ++i) {
    if (taken[i]) found.push_back(candidates[i]);
  }
  require(!found.empty(),
          "[target_modules] the model has no transformer layer whose Linears are known; there are "
          "{}: name some of them.",
          fmt::join(names, ", "));
  return found;
}

nn::Linear& linear_at(nn::Module& model, const std::string& path) {
  for (nn::Linear* linear : linears(model)) {
    if (linear->path() == path) return *linear;
  }
  fail("[adapter] the model has no Linear {}; is it the adapter's base model?", shown(path));
}

Device device_of(nn::Module& model) {
  for (const nn::Parameter* parameter : model.parameters()) {
    if (parameter->defined()) return parameter->device();
  }
  return Device::cpu;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
