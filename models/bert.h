// BERT (Devlin et al., 2019), as Hugging Face's BertModel computes it.
#pragma once

#include <cstdint>
#include <string>

#include "models/backbone.h"
#include "models/family.h"

namespace soragrad::models {

extern const Family kBert;

// The keys that BERT and RoBERTa have in common, for Family::read_keys.
void read_bert_keys(const JsonReader& reader, ModelConfig& config);
// The sizes of BERT-base that BERT and RoBERTa have in common, for Family::set_defaults.
void set_bert_sizes(ModelConfig& config);

class Bert : public Backbone {
 public:
  Bert(nn::Module* parent, const ModelConfig& config, const BackboneOptions& options)
      : Bert(parent, std::string(kBert.prefix), config,
             {.words = options.word_table, .positions_and_types = true}) {}
  int64_t max_positions() const override { return config().max_position_embeddings; }

 protected:
  // For families that differ from BERT in their embeddings alone.
  Bert(nn::Module* parent, std::string name, const ModelConfig& config,
       const EmbeddingTables& tables);
  // Positions count from 0 in each sequence.
  void add_positions(const RaggedBatch& batch, int64_t longest,
                     Positions& positions) const override;
  Variable encode(const Variable& x, const Input& input, OutputTokens tokens,
                  const nn::Pass& pass) override;
  std::optional<DeltaProduct> first_product(const nn::Pass& pass) override {
    return encoder_.first_product(pass);
  }

 private:
  Encoder encoder_;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
