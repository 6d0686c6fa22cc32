#include "models/transformer_layer.h"

#include <utility>

namespace soragrad::models {

TransformerLayer::TransformerLayer(nn::Module* parent, std::string name, const ModelConfig& config,
                                   AttentionFactory make_attention)
    : Module(parent, std::move(name)),
      attention_(make_attention(this, config)),
      attention_dense_(this, "attention.output.dense", config.hidden_size, config.hidden_size),
      attention_norm_(this, "attention.output.LayerNorm", config.hidden_size,
                      config.layer_norm_eps),
      intermediate_(this, "intermediate.dense", config.hidden_size, config.intermediate_size),
      output_(this, "output.dense", config.intermediate_size, config.hidden_size),
      output_norm_(this, "output.LayerNorm", config.hidden_size, config.layer_norm_eps),
      attention_dropout_(this, "attention.output.dropout", config.hidden_dropout_prob),
      output_dropout_(this, "output.dropout", config.hidden_dropout_prob),
      activation_(config.hidden_act) {
  set_role(nn::Role::layer);
  attention_dense_.set_role(nn::Role::attention_output);
  intermediate_.set_role(nn::Role::intermediate);
  output_.set_role(nn::Role::output);
}

Variable TransformerLayer::forward(const Variable& x, bool first_only, const EncoderInput& input,
                                   const nn::Pass& pass, const NormLinks& links) {
  const nn::ForwardSpan span(*this);
  const Variable queries = first_only ? select_rows(x, input.first_tokens) : x;
  const auto after = attention_dense_.product(pass);
  const Variable context =
      attention_->forward({queries, x, input, after ? &*after : nullptr}, pass);
  const auto next = intermediate_.product(pass);
  const Variable attended =
      attention_norm_.forward(attention_dense_.forward(context, pass), attention_dropout_, queries,
                              pass, {.next = next ? &*next : nullptr});
  const bool for_gradients = links.state && links.state->rstd.defined();
  const Variable dense = nn::Linear::forward_both(intermediate_, activation_, output_, attended,
                                                  pass, for_gradients);
  return observed(output_norm_.forward(dense, output_dropout_, attended, pass, links), pass);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
