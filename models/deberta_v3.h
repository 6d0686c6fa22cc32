// DeBERTaV3 for sequence classification (He et al., "DeBERTaV3", 2021), as Hugging Face's
// DebertaV2ForSequenceClassification computes it.
#pragma once

#include <string>

#include "models/encoder.h"
#include "models/heads.h"
#include "models/model.h"

namespace soragrad::models {

// Words alone: positions enter in the attention.
class DebertaEmbeddings : public nn::Module {
 public:
  DebertaEmbeddings(nn::Module* parent, std::string name, const ModelConfig& config);
  Variable forward(const ModelInput& input, const nn::Pass& pass);  // (tokens, hidden)

 private:
  nn::Embedding word_embeddings_;
  nn::LayerNorm norm_;
  nn::Dropout dropout_;
};

// The layers, and the table of relative positions that all of them read.
class DebertaEncoder : public Encoder {
 public:
  DebertaEncoder(nn::Module* parent, std::string name, const ModelConfig& config);
  // As Encoder's.
  Variable forward(const Variable& x, const ModelInput& input, const nn::Pass& pass);

 private:
  // These rows of the table, I64 (positions), normalised.
  Variable positions(const Tensor& rows, const nn::Pass& pass);

  nn::Embedding rel_embeddings_;  // (2 span, hidden)
  nn::LayerNorm norm_;
};

class DebertaV3Classifier : public SequenceClassifier {
 public:
  explicit DebertaV3Classifier(const ModelConfig& config);
  Variable forward(const ModelInput& input, const nn::Pass& pass) override;
  const ModelConfig& config() const override { return config_; }
  int64_t max_positions() const override { return 0; }

 private:
  void add_positions(HostInput& host) const override;

  ModelConfig config_;
  DebertaEmbeddings embeddings_;
  DebertaEncoder encoder_;
  Pooler pooler_;
  nn::Linear classifier_;
  nn::Dropout dropout_;
};

}  // namespace soragrad::models
