#include "models/deberta_v3.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "models/config_keys.h"
#include "models/disentangled_attention.h"
#include "models/family.h"
#include "models/relative_position.h"

namespace soragrad::models {
namespace {

using nlohmann::json;

// Published checkpoints also hold the heads of pre-training, and a position table that only the
// enhanced mask decoder reads.
constexpr std::array<std::string_view, 5> kUnused = {"deberta.embeddings.position_embeddings.",
                                                     "lm_predictions.", "mask_predictions.", "cls.",
                                                     "lm_head."};

constexpr LanguageModelNames kLanguageModel = {"lm_predictions.lm_head", "dense", "LayerNorm"};
constexpr LanguageModelNames kLegacyLanguageModel = {"cls.predictions", "transform.dense",
                                                     "transform.LayerNorm"};

// transformers' DebertaV2Config; those are the sizes of deberta-v2-xlarge.
void set_defaults(ModelConfig& config) {
  config.vocab_size = 128100;
  config.hidden_size = 1536;
  config.layers = config.heads = 24;
  config.intermediate_size = 6144;
}

std::string trimmed_lower(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return ascii_lower(text);
}

// "p2c|c2p" -> p2c, c2p.
std::vector<std::string> split_bars(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const size_t bar = text.find('|');
    parts.push_back(trimmed_lower(text.substr(0, bar)));
    if (bar == std::string_view::npos) return parts;
    text.remove_prefix(bar + 1);
  }
}

void read_position_types(const JsonReader& reader, ModelConfig& config) {
  const char* key = "pos_att_type";
  const json* found = reader.find(key);
  if (!found) return;
  std::vector<std::string> parts;
  if (found->is_string()) {
    parts = split_bars(found->get<std::string>());
  } else if (found->is_array()) {
    for (const json& item : *found) {
      if (!item.is_string()) reader.refuse_type(key, item, "a list of strings");
      parts.push_back(item.get<std::string>());
    }
  } else {
    reader.refuse_type(key, *found, "a string or a list of strings");
  }
  for (const std::string& part : parts) {
    require(part == "c2p" || part == "p2c" || (part.empty() && parts.size() == 1),
            "[{}] \"pos_att_type\" holds \"{}\"; only c2p and p2c are supported.", reader.where(),
            part);
    (part == "c2p" ? config.c2p : config.p2c) |= !part.empty();
  }
}

// DeBERTa-v2's configuration class has many switches. The v3 models set them all alike, and only
// that setting is computed: any other value is refused by name.
void read_keys(const JsonReader& reader, ModelConfig& config) {
  require_switch(reader, "relative_attention", true, false);
  require_switch(reader, "share_att_key", true, false);
  require_switch(reader, "position_biased_input", false, true);
  require_number(reader, "conv_kernel_size", 0);
  require_number(reader, "type_vocab_size", 0);
  require_number(reader, "embedding_size", config.hidden_size);
  require_number(reader, "pooler_hidden_size", config.hidden_size);
  require_number(reader, "attention_head_size", config.head_size());
  std::string norm = "none";
  reader.read("norm_rel_ebd", norm);
  require(split_bars(norm) == std::vector<std::string>{"layer_norm"},
          "[{}] \"norm_rel_ebd\" is \"{}\"; only layer_norm is supported.", reader.where(), norm);
  read_position_types(reader, config);
  reader.read("position_buckets", config.position_buckets, -kMaxConfigSize, kMaxConfigSize);
  // Below 1 means: as many as there are positions (transformers' DisentangledSelfAttention).
  config.max_relative_positions = -1;
  reader.read("max_relative_positions", config.max_relative_positions, -kMaxConfigSize,
              kMaxConfigSize);
  if (config.max_relative_positions < 1) {
    config.max_relative_positions = config.max_position_embeddings;
  }
  require(config.position_buckets != 1,
          "[{}] \"position_buckets\" is 1; at least 2 are needed, or less than 1 for none.",
          reader.where());
  reader.read("pooler_dropout", config.pooler_dropout, 0, 1);
  read_activation(reader, "pooler_hidden_act", config.pooler_act);
}

void write_keys(const ModelConfig& config, ConfigObject& object) {
  json types = json::array();
  if (config.p2c) types.push_back("p2c");
  if (config.c2p) types.push_back("c2p");
  object.keys.update({{"position_buckets", config.position_buckets},
                      {"max_relative_positions", config.max_relative_positions},
                      {"pos_att_type", types},
                      {"relative_attention", true},
                      {"share_att_key", true},
                      {"norm_rel_ebd", "layer_norm"},
                      {"position_biased_input", false},
                      {"pooler_dropout", config.pooler_dropout},
                      {"pooler_hidden_act", name_of(config.pooler_act)}});
}

std::unique_ptr<Backbone> make_backbone(nn::Module* parent, const ModelConfig& config,
                                        const BackboneOptions& options) {
  return std::make_unique<DebertaV3>(parent, config, options);
}

std::unique_ptr<ClassifierHead> make_head(nn::Module* parent, const ModelConfig& config) {
  return std::make_unique<PooledHead>(
      parent, config, PoolerOptions{"pooler", config.pooler_dropout, config.pooler_act});
}

}  // namespace

constinit const Family kDebertaV3 = {.model_type = "deberta-v2",
                                     .architecture = "DebertaV2ForSequenceClassification",
                                     .prefix = "deberta",
                                     .classifier = "classifier",
                                     .dropout_key = "cls_dropout",
                                     .unused = kUnused,
                                     .language_model = &kLanguageModel,
                                     .legacy_language_model = &kLegacyLanguageModel,
                                     .detects_replaced_tokens = true,
                                     .set_defaults = set_defaults,
                                     .read_keys = read_keys,
                                     .write_keys = write_keys,
                                     .make_backbone = make_backbone,
                                     .make_head = make_head};

DebertaEncoder::DebertaEncoder(nn::Module* parent, std::string name, const ModelConfig& config)
    : Encoder(parent, std::move(name), config, make_attention<DisentangledAttention>),
      rel_embeddings_(this, "rel_embeddings", 2 * config.relative_span(), config.hidden_size),
      norm_(this, "LayerNorm", config.hidden_size, config.layer_norm_eps) {}

Variable DebertaEncoder::forward(const Variable& x, const Input& input, OutputTokens tokens,
                                 const nn::Pass& pass) {
  const EncoderInput shared{
      input.layout, input.first_tokens, positions(input.position_rows, pass), {}};
  return Encoder::forward(x, shared, tokens, pass, tables(shared.positions, pass));
}

// The positions as each layer projects them, in one product of all layers (autograd/joint_ops.h:
// linear_deltas_of_groups). They do not depend on the text, so no layer has to wait for the one
// before. Empty: this pass has no such product, and each layer projects them itself.
std::vector<Variable> DebertaEncoder::tables(const Variable& positions, const nn::Pass& pass) {
  if (positions.requires_grad()) return {};  // the product has no dx
  std::vector<nn::Linear*> linears;
  std::vector<RandomStream> streams;
  double dropout = 0;  // the same in all layers
  for (const auto& layer : layers()) {
    auto& attention = dynamic_cast<DisentangledAttention&>(layer->attention());
    const auto projection = attention.projection(pass);
    if (!projection) return {};
    linears.insert(linears.end(), {projection->query, projection->key});
    streams.push_back(projection->stream);
    dropout = projection->dropout;
  }
  const auto product = tables_.find(linears, pass, streams.size());
  if (!product) return {};
  return linear_deltas_of_groups(positions.value(), *product, dropout, streams);
}

// The normalized relative embeddings of the rows in use (rows, hidden), shared by all layers.
// LayerNorm works row by row, so gathering first gives the same numbers and saves the rows that no
// distance reads. An observer wants the whole table's norm, as Hugging Face's module computes it.
Variable DebertaEncoder::positions(const Tensor& rows, const nn::Pass& pass) {
  if (pass.observe) return embedding(rows, norm_.forward(rel_embeddings_.weight, pass));
  return norm_.forward(rel_embeddings_.rows(rows));
}

DebertaV3::DebertaV3(nn::Module* parent, const ModelConfig& config, const BackboneOptions& options)
    : Backbone(parent, std::string(kDebertaV3.prefix), config, {.words = options.word_table}),
      encoder_(this, "encoder", config) {}

// Which rows of the relative table this batch reads, and the place of each distance among them.
// Both lists are filled up to what the longest possible batch of this class needs, so that tensors
// of a captured CUDA graph have one shape.
void DebertaV3::add_positions(const RaggedBatch& /*batch*/, int64_t longest,
                              Positions& positions) const {
  const int64_t buckets = config().position_buckets, furthest = config().max_relative_positions;
  const RelativeRows rows = relative_rows(longest, buckets, furthest);
  std::vector<int64_t>& used = positions.position_rows;
  used.resize(static_cast<size_t>(rows.end - rows.begin));
  std::iota(used.begin(), used.end(), rows.begin);
  // Idle rows come last, and no distance reads them: as with idle tokens, no result changes.
  const int64_t room = relative_row_count(positions.max_length, buckets, furthest);
  used.resize(static_cast<size_t>(room), rows.begin);
  positions.distance_row = widened(rows, positions.max_length);
}

Variable DebertaV3::encode(const Variable& x, const Input& input, OutputTokens tokens,
                           const nn::Pass& pass) {
  return encoder_.forward(x, input, tokens, pass);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
