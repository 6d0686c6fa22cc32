#include "models/pretraining_heads.h"

#include <memory>

#include "core/error.h"
#include "models/family.h"

namespace soragrad::models {
namespace {

const LanguageModelNames& names_of(const Family& family) {
  require(family.language_model != nullptr, "[pretrain] model_type {} has no language model head.",
          family.model_type);
  return *family.language_model;
}

}  // namespace

LanguageModelHead::LanguageModelHead(nn::Module* parent, const ModelConfig& config)
    : Module(parent, std::string(names_of(*config.family).head)),
      dense_(this, std::string(names_of(*config.family).dense), config.hidden_size,
             config.hidden_size),
      norm_(this, std::string(names_of(*config.family).norm), config.hidden_size,
            config.layer_norm_eps),
      bias_(this, "bias", {config.vocab_size}),
      activation_(config.family->language_model_has_gelu ? Activation::gelu : config.hidden_act) {}

Variable LanguageModelHead::forward(const Variable& x, const nn::Parameter& word_table,
                                    const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable y = norm_.forward(activate(activation_, dense_.forward(x, pass)), pass);
  // The table changes at every step: what is packed of it serves this step alone.
  const auto packed = std::make_shared<PackedMatrix>(word_table.value(), precision_, false);
  return linear(y, word_table, bias_, packed);
}

ReplacedTokenHead::ReplacedTokenHead(nn::Module* parent, const ModelConfig& config)
    : Module(parent, "mask_predictions"),
      norm_(this, "LayerNorm", config.hidden_size, config.layer_norm_eps),
      dense_(this, "dense", config.hidden_size, config.hidden_size),
      classifier_(this, "classifier", config.hidden_size, 1),
      activation_(config.hidden_act) {}

Variable ReplacedTokenHead::forward(const Variable& x, const AttentionLayout& layout,
                                    const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable y = norm_.forward(add_first_token(x, layout), pass);
  return classifier_.forward(activate(activation_, dense_.forward(y, pass)), pass);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
