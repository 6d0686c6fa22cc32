#include "models/family.h"

#include <fmt/format.h>

#include "core/error.h"
#include "models/bert.h"
#include "models/deberta_v3.h"
#include "models/roberta.h"

namespace soragrad::models {
namespace {

std::vector<const Family*>& table() {
  static std::vector<const Family*> rows = {&kDebertaV3, &kRoberta, &kBert};
  return rows;
}

// Paths within a layer and roles of all Linears of a family, read from a model of one tiny layer:
// the modules name themselves, so their names are written nowhere else.
void add_roles(const Family& family, std::map<std::string, nn::Role, std::less<>>& roles) {
  ModelConfig config;
  config.family = &family;
  family.set_defaults(config);
  config.layers = config.heads = 1;
  nn::Module root;
  const auto backbone = family.make_backbone(&root, config, {});
  root.for_each_module([&](nn::Module& module) {
    if (!nn::is_layer_linear(module.role())) return;
    const std::string path = module.path();
    if (const auto split = nn::split_layer(path)) roles.emplace(split->within, module.role());
  });
}

}  // namespace

std::span<const Family* const> families() {
  return table();
}

const Family* find_family(std::string_view model_type) {
  for (const Family* family : families()) {
    if (family->model_type == model_type) return family;
  }
  return nullptr;
}

std::string family_names() {
  std::string names;
  const size_t count = families().size();
  for (size_t i = 0; i < count; ++i) {
    names += i == 0 ? "" : i + 1 == count ? " and " : ", ";
    names += families()[i]->model_type;
  }
  return names;
}

void register_family(const Family& family) {
  require(family.make_backbone && family.make_head && family.set_defaults,
          "[register_family] \"{}\" lacks a function.", family.model_type);
  require(!find_family(family.model_type), "[register_family] \"{}\" is known already.",
          family.model_type);
  table().push_back(&family);
}

std::map<std::string, nn::Role, std::less<>> layer_roles() {
  std::map<std::string, nn::Role, std::less<>> roles;
  for (const Family* family : families()) add_roles(*family, roles);
  return roles;
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
