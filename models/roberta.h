// RoBERTa for sequence classification (Liu et al., 2019), as Hugging Face's
// RobertaForSequenceClassification computes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/bert_embeddings.h"
#include "models/encoder.h"
#include "models/heads.h"
#include "models/model.h"

namespace soragrad::models {

// Positions count the tokens of a sequence that are no padding token, from pad_token_id + 1; a
// padding token (typed in the text) has pad_token_id.
std::vector<int64_t> roberta_positions(std::span<const int64_t> input_ids,
                                       std::span<const int64_t> offsets, int64_t pad_token_id);

class RobertaClassifier : public SequenceClassifier {
 public:
  explicit RobertaClassifier(const ModelConfig& config);
  Variable forward(const ModelInput& input, const nn::Pass& pass) override;
  const ModelConfig& config() const override { return config_; }
  int64_t max_positions() const override;

 private:
  void add_positions(HostInput& host) const override;

  ModelConfig config_;
  BertEmbeddings embeddings_;
  Encoder encoder_;
  RobertaHead head_;
};

}  // namespace soragrad::models
