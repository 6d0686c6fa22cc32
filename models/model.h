// SequenceClassifier: a backbone and the head that turns each sequence's first token into logits.
// Its module tree carries the Hugging Face names; its input is ragged.
#pragma once

#include <cstdint>
#include <memory>

#include "models/backbone.h"
#include "models/heads.h"

namespace soragrad::models {

class SequenceClassifier : public nn::Module {
 public:
  // Parameters have no values yet: load_model() gives them.
  explicit SequenceClassifier(const ModelConfig& config);

  // Logits, (sequences, num_labels). In the last layer only the first token of each sequence is
  // computed past keys and values, unless the pass is observed.
  Variable forward(const Input& input, const nn::Pass& pass);
  // The same for a batch on the host: counts its positions and uploads it to the model's device
  // first. Throws as positions() does.
  Variable forward(const RaggedBatch& batch, const nn::Pass& pass);

  // As Backbone's.
  Positions positions(const RaggedBatch& batch, const InputSizes& sizes = {}) const;
  int64_t max_positions() const { return backbone_->max_positions(); }
  const ModelConfig& config() const { return backbone_->config(); }
  Backbone& backbone() { return *backbone_; }

 private:
  std::unique_ptr<Backbone> backbone_;
  std::unique_ptr<ClassifierHead> head_;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
