#include "models/disentangled_attention.h"

#include <utility>

namespace soragrad::models {

DisentangledAttention::DisentangledAttention(nn::Module* parent, std::string name,
                                             const ModelConfig& config)
    : SelfAttention(parent, std::move(name), config, "_proj"),
      c2p_(config.c2p),
      p2c_(config.p2c),
      pos_dropout_(this, "pos_dropout", config.hidden_dropout_prob) {}

Variable DisentangledAttention::forward(const AttentionInput& input, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  if (!c2p_ && !p2c_) return attend(input, {}, {}, pass);
  if (input.shared.tables.defined()) return attend_jointly(input, pass);
  const nn::Pass quiet = pass.unobserved();
  const Variable positions = pos_dropout_.forward(input.shared.positions, quiet);
  const Variable position_key = c2p_ ? key_.forward(positions, quiet) : Variable();
  const Variable position_query = p2c_ ? query_.forward(positions, quiet) : Variable();
  return attend(input, position_key, position_query, pass);
}

std::optional<DisentangledAttention::Projection> DisentangledAttention::projection(
    const nn::Pass& pass) {
  if (!c2p_ || !p2c_ || !product(pass)) return {};
  return Projection{&query_, &key_, pos_dropout_.probability(pass), pos_dropout_.stream(pass)};
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
