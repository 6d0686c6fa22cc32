#include "models/bert.h"

#include <array>
#include <memory>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "models/config_keys.h"

namespace soragrad::models {
namespace {

// Heads of pre-training, which published checkpoints hold too.
constexpr std::array<std::string_view, 2> kUnused = {"cls.", "lm_head."};

constexpr LanguageModelNames kLanguageModel = {"cls.predictions", "transform.dense",
                                               "transform.LayerNorm"};

void set_defaults(ModelConfig& config) {
  set_bert_sizes(config);
  config.vocab_size = 30522;
}

std::unique_ptr<Backbone> make_backbone(nn::Module* parent, const ModelConfig& config,
                                        const BackboneOptions& options) {
  return std::make_unique<Bert>(parent, config, options);
}

std::unique_ptr<ClassifierHead> make_head(nn::Module* parent, const ModelConfig& config) {
  return std::make_unique<PooledHead>(parent, config,
                                      PoolerOptions{"bert.pooler", 0, Activation::tanh});
}

}  // namespace

constinit const Family kBert = {.model_type = "bert",
                                .architecture = "BertForSequenceClassification",
                                .prefix = "bert",
                                .classifier = "classifier",
                                .dropout_key = "classifier_dropout",
                                .unused = kUnused,
                                .language_model = &kLanguageModel,
                                .set_defaults = set_defaults,
                                .read_keys = read_bert_keys,
                                .write_keys = nullptr,
                                .make_backbone = make_backbone,
                                .make_head = make_head};

void read_bert_keys(const JsonReader& reader, ModelConfig& config) {
  reader.read("type_vocab_size", config.type_vocab_size, 1, kMaxConfigSize);
  std::string positions = "absolute";
  reader.read("position_embedding_type", positions);
  require(positions == "absolute",
          "[{}] \"position_embedding_type\" is \"{}\"; only absolute is supported.", reader.where(),
          positions);
}

// transformers' BertConfig and RobertaConfig agree in these.
void set_bert_sizes(ModelConfig& config) {
  config.hidden_size = 768;
  config.layers = config.heads = 12;
  config.intermediate_size = 3072;
  config.type_vocab_size = 2;
  config.layer_norm_eps = 1e-12;
}

Bert::Bert(nn::Module* parent, std::string name, const ModelConfig& config,
           const EmbeddingTables& tables)
    : Backbone(parent, std::move(name), config, tables), encoder_(this, "encoder", config) {}

// Positions count from 0 in each sequence; idle tokens behind the last sequence have position 0.
void Bert::add_positions(const RaggedBatch& batch, int64_t /*longest*/,
                         Positions& positions) const {
  std::vector<int64_t>& ids = positions.position_ids;
  ids.assign(static_cast<size_t>(positions.tokens), 0);
  for (size_t s = 0; s + 1 < batch.offsets.size(); ++s) {
    std::iota(ids.begin() + batch.offsets[s], ids.begin() + batch.offsets[s + 1], 0);
  }
}

Variable Bert::encode(const Variable& x, const Input& input, OutputTokens tokens,
                      const nn::Pass& pass) {
  return encoder_.forward(x, {input.layout, input.first_tokens, {}, {}}, tokens, pass);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
