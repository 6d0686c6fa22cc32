#include "models/model.h"

#include "core/error.h"
#include "models/family.h"

namespace soragrad::models {

SequenceClassifier::SequenceClassifier(const ModelConfig& config)
    : backbone_(config.family->make_backbone(this, config, {})),
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
