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

// The part of a path behind the layer's number, and the whole path where there is none.
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
  std::vector<nn::Linear*> found;
  const std::vector<TargetPattern> patterns(targets.begin(), targets.end());
  std::vector<bool> used(targets.size(), false);
  std::set<std::string> names;
  for (nn::Linear* linear : linears(model)) {
    const std::string path = linear->path();
    if (nn::is_head(*linear)) continue;
    names.emplace(within_layer(path));
    bool take = targets.empty() && nn::is_layer_linear(linear->role());
    for (size_t i = 0; i < targets.size(); ++i) {
      if (!patterns[i].matches(path)) continue;
      take = true;
      used[i] = true;
    }
    if (take) found.push_back(linear);
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    require(used[i], "[target_modules] \"{}\" matches no Linear; there are {}.", shown(targets[i]),
            fmt::join(names, ", "));
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

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
