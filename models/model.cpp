#include "models/model.h"

#include "core/error.h"
#include "models/family.h"

namespace soragrad::models {

namespace {

const Family& family_of(const ModelConfig& config) {
  require(config.family != nullptr,
          "[model] the configuration has no family; parse_config() and read_config() set it.");
  require(config.heads >= 1 && config.hidden_size % config.heads == 0,
          "[model] hidden_size {} does not divide into {} heads.", config.hidden_size,
          config.heads);
  return *config.family;
}

}  // namespace

SequenceClassifier::SequenceClassifier(const ModelConfig& config)
    : backbone_(family_of(config).make_backbone(this, config, {})),
      head_(config.family->make_head(this, config)) {}

Variable SequenceClassifier::forward(const Input& input, const nn::Pass& pass) {
  return head_->forward(backbone_->forward_first(input, pass), pass);
}

Variable SequenceClassifier::forward(const RaggedBatch& batch, const nn::Pass& pass) {
  const nn::Parameter& words = backbone_->word_embeddings().weight;
  require(words.defined(), "[model] the parameters have no values yet; load them first.");
  return forward(upload(batch, positions(batch), words.device()), pass);
}

Positions SequenceClassifier::positions(const RaggedBatch& batch, const InputSizes& sizes) const {
  return backbone_->positions(batch, sizes);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
