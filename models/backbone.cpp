#include "models/backbone.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"

namespace soragrad::models {

Backbone::Backbone(nn::Module* parent, std::string name, const ModelConfig& config,
                   const EmbeddingTables& tables)
    : Module(parent, std::move(name)),
      config_(config),
      embeddings_(this, "embeddings", config, tables) {
  embeddings_.set_role(nn::Role::embeddings);
}

Variable Backbone::forward(const Input& input, const nn::Pass& pass) {
  return forward(input, Variable(), pass);
}

Variable Backbone::forward(const Input& input, const Variable& words, const nn::Pass& pass) {
  return forward(input, words, OutputTokens::all, pass);
}

Variable Backbone::forward_first(const Input& input, const nn::Pass& pass) {
  return forward(input, Variable(), OutputTokens::first, pass);
}

Variable Backbone::forward(const Input& input, const Variable& words, OutputTokens tokens,
                           const nn::Pass& pass) {
  const auto next = first_product(pass);
  const Variable x = embeddings_.forward(input, words, pass, next ? &*next : nullptr);
  return encode(x, input, tokens, pass);
}

Positions Backbone::positions(const RaggedBatch& batch, const InputSizes& sizes) const {
  const int64_t longest = longest_sequence(batch);
  require(sizes.tokens == 0 || sizes.tokens >= batch.tokens(),
          "[input] {} tokens do not fit a batch of {}.", batch.tokens(), sizes.tokens);
  require(sizes.max_length == 0 || sizes.max_length >= longest,
          "[input] a sequence of {} tokens does not fit a batch of up to {}.", longest,
          sizes.max_length);
  for (const int64_t id : batch.input_ids) {
    require(id >= 0 && id < config_.vocab_size,
            "[input] id {} is not in the vocabulary of {} tokens.", id, config_.vocab_size);
  }
  const int64_t known =
      embeddings_.reads_types() ? config_.type_vocab_size : std::numeric_limits<int64_t>::max();
  for (const int64_t type : batch.token_type_ids) {
    require(type >= 0, "[input] token type {} is negative.", type);
    require(type < known, "[input] token type {}; the model knows {} types.", type, known);
  }
  require(max_positions() == 0 || longest <= max_positions(),
          "[input] a sequence of {} tokens; the model's position table holds {}.", longest,
          max_positions());
  Positions positions{.tokens = std::max(sizes.tokens, batch.tokens()),
                      .max_length = std::max(sizes.max_length, longest)};
  add_positions(batch, longest, positions);
  return positions;
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
