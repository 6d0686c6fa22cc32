// DeBERTaV3 (He et al., "DeBERTaV3", 2021), as Hugging Face's DebertaV2Model computes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/backbone.h"
#include "models/family.h"

namespace soragrad::models {

// The layers, and the table of relative positions that all of them read.
class DebertaEncoder : public Encoder {
 public:
  DebertaEncoder(nn::Module* parent, std::string name, const ModelConfig& config);
  // As Encoder's.
  Variable forward(const Variable& x, const Input& input, OutputTokens tokens,
                   const nn::Pass& pass);

 private:
  // These rows of the table, I64 (rows in use), normalised -> (rows in use, hidden).
  Variable positions(const Tensor& rows, const nn::Pass& pass);

  std::vector<Variable> tables(const Variable& positions, const nn::Pass& pass);

  nn::Embedding rel_embeddings_;  // (2 span, hidden)
  nn::LayerNorm norm_;
  nn::JointProduct tables_;  // query_proj and key_proj of each layer
};

extern const Family kDebertaV3;

class DebertaV3 : public Backbone {
 public:
  DebertaV3(nn::Module* parent, const ModelConfig& config, const BackboneOptions& options);
  int64_t max_positions() const override { return 0; }

 protected:
  // Rows of the table of relative positions that the batch's distances read.
  void add_positions(const RaggedBatch& batch, int64_t longest,
                     Positions& positions) const override;
  Variable encode(const Variable& x, const Input& input, OutputTokens tokens,
                  const nn::Pass& pass) override;
  std::optional<DeltaProduct> first_product(const nn::Pass& pass) override {
    return encoder_.first_product(pass);
  }

 private:
  DebertaEncoder encoder_;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
