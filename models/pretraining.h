// Models that are pre-trained: a masked language model of any family, and DeBERTaV3's replaced
// token detection (He et al., "DeBERTaV3", 2021, section 3): a generator, itself a masked language
// model, proposes tokens for the masked positions, and the discriminator says of every token
// whether it was replaced. Loss: mlm_loss + rtd_lambda * rtd_loss, in one backward pass.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "models/backbone.h"
#include "models/pretraining_heads.h"

namespace soragrad::models {

enum class Objective : uint8_t { mlm, rtd };

// How the discriminator's word table E_D and the generator's E_G belong together.
enum class EmbeddingSharing : uint8_t {
  es,    // one table, trained by both losses
  nes,   // two tables
  gdes,  // gradient-disentangled: E_D = stop_gradient(E_G) + E_delta; the language model trains
         // E_G alone, replaced token detection E_delta alone
};

struct PretrainingOptions {
  Objective objective = Objective::mlm;
  EmbeddingSharing sharing = EmbeddingSharing::gdes;
  int64_t generator_layers = 0;  // 0: half of the discriminator's, at least 1
  double rtd_lambda = 50;
};

// A batch on the device.
struct PretrainingInput {
  Input input;
  Tensor positions;  // I64 (predicted): which tokens are predicted, none twice
  Tensor labels;     // I64 (predicted): the text's own ids
  Tensor samples;    // I64 (predicted): stand in for the generator's samples; undefined: drawn
};

// What a forward pass leaves behind; those of rtd are undefined for mlm.
struct PretrainingOutput {
  Variable loss;              // ()
  Tensor mlm_loss, rtd_loss;  // (): means over predicted positions, over all tokens
  Tensor mlm_hits, rtd_hits;  // (): predicted positions, and tokens, that were told right
  Tensor replaced;            // (): tokens whose sample is not the text's own
};

// A backbone and its language model head.
class LanguageModel : public nn::Module {
 public:
  LanguageModel(nn::Module* parent, std::string name, const ModelConfig& config,
                bool word_table = true);

  // Logits of the predicted positions, (predicted, vocab_size), and of no other. The table is the
  // model's own, or one that another model has.
  Variable forward(const Input& input, const Tensor& positions, nn::Embedding& word_table,
                   const nn::Pass& pass);

  Backbone& backbone() { return *backbone_; }
  LanguageModelHead& head() { return head_; }

 private:
  std::unique_ptr<Backbone> backbone_;
  LanguageModelHead head_;
};

class PretrainingModel : public nn::Module {
 public:
  // Parameters have no values yet: load_pretraining() draws or loads them. Names are those of
  // Hugging Face's checkpoints; the generator's begin with "generator.". Throws for rtd with
  // another family than DeBERTa.
  PretrainingModel(const ModelConfig& config, const PretrainingOptions& options);

  PretrainingOutput forward(const PretrainingInput& batch, const nn::Pass& pass);

  // The model that is exported: the discriminator's backbone, or the language model's.
  Backbone& backbone() { return *backbone_; }
  const ModelConfig& config() const { return config_; }
  const ModelConfig& generator_config() const { return generator_config_; }
  const PretrainingOptions& options() const { return options_; }
  bool detects() const { return options_.objective == Objective::rtd; }
  // gdes: E_delta, else null; and the table that the language model reads.
  nn::Parameter* delta() { return delta_ ? &delta_->weight : nullptr; }
  nn::Embedding& generator_table();

  // Of every product with a weight but the classifier's, and of attention.
  void set_precision(Precision precision);

 private:
  // E_delta of gdes, under the name that published checkpoints have.
  struct Delta : nn::Module {
    Delta(nn::Module* parent, const ModelConfig& config);
    nn::Parameter weight;  // (vocab_size, hidden)
  };

  Variable detect(const PretrainingInput& batch, const Tensor& samples, PretrainingOutput& output,
                  const nn::Pass& pass);

  ModelConfig config_, generator_config_;
  PretrainingOptions options_;
  std::unique_ptr<LanguageModel> language_model_;  // the model itself, or the generator
  std::unique_ptr<Backbone> discriminator_;        // null for mlm
  std::unique_ptr<Delta> delta_;                   // gdes
  std::unique_ptr<ReplacedTokenHead> head_;        // null for mlm
  Backbone* backbone_ = nullptr;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
