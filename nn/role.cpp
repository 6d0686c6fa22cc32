#include "nn/role.h"

#include <charconv>

#include "nn/module.h"

namespace soragrad::nn {
namespace {

// The outermost module of that role among the module and its ancestors.
const Module* outermost(const Module& module, Role role) {
  const Module* found = nullptr;
  for (const Module* each = &module; each; each = each->parent()) {
    if (each->role() == role) found = each;
  }
  return found;
}

}  // namespace

bool is_head(const Module& module) {
  return outermost(module, Role::head) != nullptr;
}

bool is_head(const Parameter& parameter) {
  return is_head(parameter.owner());
}

const Module* head_of(const Parameter& parameter) {
  return outermost(parameter.owner(), Role::head);
}

bool is_in_layer(const Module& module) {
  return outermost(module, Role::layer) != nullptr;
}

bool is_in_layer(const Parameter& parameter) {
  return is_in_layer(parameter.owner());
}

std::optional<LayerPath> split_layer(std::string_view path) {
  for (size_t begin = 0; begin < path.size();) {
    const size_t dot = path.find('.', begin);
    if (dot == path.npos) return std::nullopt;
    int64_t layer = 0;
    const char* end = path.data() + dot;
    const auto [stop, error] = std::from_chars(path.data() + begin, end, layer);
    if (error == std::errc() && stop == end && layer >= 0)
      return LayerPath{layer, path.substr(dot + 1)};
    begin = dot + 1;
  }
  return std::nullopt;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
