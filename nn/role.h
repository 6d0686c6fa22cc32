// Roles: what a module is in its model. Models set them; methods, exports and reports find their
// places by role, so they need not know any model's names.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace soragrad::nn {

class Module;
class Parameter;

enum class Role : uint8_t {
  none,
  embeddings,  // its output is the encoder's input, (tokens, hidden)
  layer,       // one transformer layer; layers count from 0 in order of construction
  query,       // the Linears of a layer, in the order of the computation
  key,
  value,
  attention_output,
  intermediate,
  output,
  attention_probabilities,  // its observed output is a layer's attention probabilities
  head,                     // a part of the classification head, with all modules below it
};

// Whether the role is that of one of a layer's six Linears, query to output.
constexpr bool is_layer_linear(Role role) {
  return role >= Role::query && role <= Role::output;
}

// Whether a module or parameter belongs to the classification head: the one rule.
bool is_head(const Module& module);
bool is_head(const Parameter& parameter);
// The outermost module with the role `head` around a parameter; null if it is not in the head.
const Module* head_of(const Parameter& parameter);
// Whether a module or parameter is in a transformer layer.
bool is_in_layer(const Module& module);
bool is_in_layer(const Parameter& parameter);

// A path split at the number of its layer: "deberta.encoder.layer.3.output.dense" is layer 3 and
// "output.dense" within it. Views into the path.
struct LayerPath {
  int64_t layer = 0;
  std::string_view within;
};
// None if no part of the path but the last is a number.
std::optional<LayerPath> split_layer(std::string_view path);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
