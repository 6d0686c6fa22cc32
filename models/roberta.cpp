#include "models/roberta.h"

#include <array>
#include <memory>

#include "core/error.h"
#include "core/json.h"

namespace soragrad::models {
namespace {

// The head of pre-training, and the pooler, which the classifier does not use.
constexpr std::array<std::string_view, 3> kUnused = {"lm_head.", "cls.", "roberta.pooler."};

constexpr LanguageModelNames kLanguageModel = {"lm_head", "dense", "layer_norm"};

// transformers' RobertaConfig where it differs from BertConfig.
void set_defaults(ModelConfig& config) {
  set_bert_sizes(config);
  config.vocab_size = 50265;
  config.pad_token_id = 1;
}

void read_keys(const JsonReader& reader, ModelConfig& config) {
  read_bert_keys(reader, config);
  require(config.pad_token_id >= 0,
          "[{}] \"pad_token_id\" is null; RoBERTa's positions are counted from it.",
          reader.where());
  require(config.max_position_embeddings > config.pad_token_id + 1,
          "[{}] \"max_position_embeddings\" is {}; positions begin at pad_token_id + 1 = {}.",
          reader.where(), config.max_position_embeddings, config.pad_token_id + 1);
}

std::unique_ptr<Backbone> make_backbone(nn::Module* parent, const ModelConfig& config,
                                        const BackboneOptions& options) {
  return std::make_unique<Roberta>(parent, config, options);
}

std::unique_ptr<ClassifierHead> make_head(nn::Module* parent, const ModelConfig& config) {
  return std::make_unique<RobertaHead>(parent, config);
}

}  // namespace

constinit const Family kRoberta = {.model_type = "roberta",
                                   .architecture = "RobertaForSequenceClassification",
                                   .prefix = "roberta",
                                   .classifier = "classifier.out_proj",
                                   .dropout_key = "classifier_dropout",
                                   .unused = kUnused,
                                   .language_model = &kLanguageModel,
                                   .language_model_has_gelu = true,
                                   .set_defaults = set_defaults,
                                   .read_keys = read_keys,
                                   .write_keys = nullptr,
                                   .make_backbone = make_backbone,
                                   .make_head = make_head};

// transformers' create_position_ids_from_input_ids: the first token has position pad_token_id + 1,
// and padding tokens within the text have pad_token_id and do not count.
std::vector<int64_t> roberta_positions(std::span<const int64_t> input_ids,
                                       std::span<const int64_t> offsets, int64_t pad_token_id) {
  std::vector<int64_t> positions;
  positions.reserve(input_ids.size());
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    int64_t position = pad_token_id;
    for (int64_t token = offsets[s]; token < offsets[s + 1]; ++token) {
      const bool is_pad = input_ids[static_cast<size_t>(token)] == pad_token_id;
      positions.push_back(is_pad ? pad_token_id : ++position);
    }
  }
  return positions;
}

int64_t Roberta::max_positions() const {
  return config().max_position_embeddings - config().pad_token_id - 1;
}

void Roberta::add_positions(const RaggedBatch& batch, int64_t /*longest*/,
                            Positions& positions) const {
  const int64_t padding = config().pad_token_id;
  positions.position_ids = roberta_positions(batch.input_ids, batch.offsets, padding);
  positions.position_ids.resize(static_cast<size_t>(positions.tokens), padding);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
