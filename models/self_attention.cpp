#include "models/self_attention.h"

#include <array>
#include <cmath>
#include <utility>

namespace soragrad::models {

SelfAttention::SelfAttention(nn::Module* parent, std::string name, const ModelConfig& config,
                             const std::string& suffix)
    : Module(parent, std::move(name)),
      query_(this, "query" + suffix, config.hidden_size, config.hidden_size),
      key_(this, "key" + suffix, config.hidden_size, config.hidden_size),
      value_(this, "value" + suffix, config.hidden_size, config.hidden_size),
      heads_(config.heads),
      // One term for the content and one for each kind of position.
      scale_(static_cast<real>(
          1 / std::sqrt(static_cast<double>(config.head_size() * (1 + config.c2p + config.p2c))))),
      dropout_(this, "dropout", config.attention_probs_dropout_prob) {
  query_.set_role(nn::Role::query);
  key_.set_role(nn::Role::key);
  value_.set_role(nn::Role::value);
  dropout_.set_role(nn::Role::attention_probabilities);
}

Variable SelfAttention::forward(const AttentionInput& input, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable context = attend_jointly(input, pass);
  return context.defined() ? context : attend(input, {}, {}, pass);
}

std::optional<DeltaProduct> SelfAttention::product(const nn::Pass& pass) {
  if (pass.observe) return {};  // an observer wants q, k and v
  const std::array<nn::Linear*, 3> linears = {&query_, &key_, &value_};
  return joint_.find(linears, pass);
}

AttentionOptions SelfAttention::options(const AttentionInput& input, const nn::Pass& pass) const {
  return {.heads = heads_,
          .scale = scale_,
          .dropout = dropout_.probability(pass),
          .stream = dropout_.stream(pass),
          .first_query_only = input.queries.size(0) != input.x.size(0),
          .precision = precision_,
          .next = input.next};
}

Variable SelfAttention::attend_jointly(const AttentionInput& input, const nn::Pass& pass) {
  const auto joint = product(pass);
  if (!joint) return {};
  const Variable qkv = linear_deltas({input.x, {}}, *joint);
  return attention(qkv, input.shared.tables, input.shared.layout, options(input, pass));
}

Variable SelfAttention::attend(const AttentionInput& input, const Variable& position_key,
                               const Variable& position_query, const nn::Pass& pass) {
  const Variable q = query_.forward(input.queries, pass);
  const Variable k = key_.forward(input.x, pass);
  const Variable v = value_.forward(input.x, pass);
  Tensor probabilities;
  AttentionOptions options = this->options(input, pass);
  options.probabilities = pass.observe ? &probabilities : nullptr;
  const Variable context =
      attention(q, k, v, position_key, position_query, input.shared.layout, options);
  // Without dropout the probabilities are the output of HF's attention.self.dropout.
  if (pass.observe) pass.observe(dropout_.path(), Variable(probabilities));
  return observed(context, pass);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
