// BERT for sequence classification (Devlin et al., 2019), as Hugging Face's
// BertForSequenceClassification computes it.
#pragma once

#include <string>

#include "models/bert_embeddings.h"
#include "models/encoder.h"
#include "models/heads.h"
#include "models/model.h"

namespace soragrad::models {

class BertClassifier : public SequenceClassifier {
 public:
  explicit BertClassifier(const ModelConfig& config);
  Variable forward(const ModelInput& input, const nn::Pass& pass) override;
  const ModelConfig& config() const override { return config_; }
  int64_t max_positions() const override { return config_.max_position_embeddings; }

 private:
  void add_positions(HostInput& host) const override;

  ModelConfig config_;
  BertEmbeddings embeddings_;
  Encoder encoder_;
  Pooler pooler_;
  nn::Linear classifier_;
  nn::Dropout dropout_;
};

}  // namespace soragrad::models
