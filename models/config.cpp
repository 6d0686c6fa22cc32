#include "models/config.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"

namespace soragrad::models {
namespace {

using nlohmann::json;

// Bounds that no real model reaches; they keep a hostile file from asking for much before the
// weights' shapes are compared.
constexpr int64_t kMaxSize = int64_t{1} << 30;
constexpr int64_t kMaxLayers = 1024;
constexpr int64_t kMaxLabels = 1 << 16;

constexpr std::array<std::string_view, 3> kTypeNames = {"deberta-v2", "roberta", "bert"};

ModelType read_type(const JsonReader& reader) {
  std::string name;
  require(reader.read("model_type", name), "[{}] has no \"model_type\"; {}, {} or {} is needed.",
          reader.where(), kTypeNames[0], kTypeNames[1], kTypeNames[2]);
  const auto* known = std::find(kTypeNames.begin(), kTypeNames.end(), name);
  require(known != kTypeNames.end(), "[{}] \"model_type\" is \"{}\"; known are {}, {} and {}.",
          reader.where(), name, kTypeNames[0], kTypeNames[1], kTypeNames[2]);
  return static_cast<ModelType>(known - kTypeNames.begin());
}

// Hugging Face's defaults: DebertaV2Config, RobertaConfig, BertConfig of transformers 4.46.
ModelConfig default_config(ModelType type) {
  ModelConfig config;
  config.type = type;
  if (type == ModelType::deberta_v2) {
    config.vocab_size = 128100;
    config.hidden_size = 1536;
    config.layers = config.heads = 24;
    config.intermediate_size = 6144;
    return config;
  }
  const bool roberta = type == ModelType::roberta;
  config.vocab_size = roberta ? 50265 : 30522;
  config.hidden_size = 768;
  config.layers = config.heads = 12;
  config.intermediate_size = 3072;
  config.type_vocab_size = 2;
  config.pad_token_id = roberta ? 1 : 0;
  config.layer_norm_eps = 1e-12;
  return config;
}

void read_activation(const JsonReader& reader, const char* key, Activation& activation) {
  std::string name;
  if (!reader.read(key, name)) return;
  const auto found = find_activation(name);
  require(found.has_value(), "[{}] \"{}\" is \"{}\"; known are gelu, gelu_new, relu and tanh.",
          reader.where(), key, name);
  activation = *found;
}

// A switch that must have one value; `otherwise` is what a missing key means.
void require_switch(const JsonReader& reader, const char* key, bool wanted, bool otherwise) {
  bool value = otherwise;
  const bool present = reader.read(key, value);
  require(value == wanted, "[{}] \"{}\" is {}{}; only {} is supported.", reader.where(), key, value,
          present ? "" : " where it is missing", wanted);
}

// A number that must have one value where it is present.
void require_number(const JsonReader& reader, const char* key, int64_t wanted) {
  int64_t value = wanted;
  reader.read(key, value, -1, kMaxSize);
  require(value == wanted, "[{}] \"{}\" is {}; only {} is supported.", reader.where(), key, value,
          wanted);
}

std::string trimmed_lower(std::string_view text) {
  std::string result(trimmed(text));
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
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

void read_deberta(const JsonReader& reader, ModelConfig& config) {
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
  reader.read("position_buckets", config.position_buckets, -kMaxSize, kMaxSize);
  config.max_relative_positions = -1;
  reader.read("max_relative_positions", config.max_relative_positions, -kMaxSize, kMaxSize);
  if (config.max_relative_positions < 1) {
    config.max_relative_positions = config.max_position_embeddings;
  }
  require(config.position_buckets != 1,
          "[{}] \"position_buckets\" is 1; at least 2 are needed, or less than 1 for none.",
          reader.where());
  reader.read("pooler_dropout", config.pooler_dropout, 0, 1);
  read_activation(reader, "pooler_hidden_act", config.pooler_act);
  double dropout = 0;
  if (reader.read("cls_dropout", dropout, 0, 1)) config.classifier_dropout = dropout;
}

void read_bert(const JsonReader& reader, ModelConfig& config) {
  reader.read("type_vocab_size", config.type_vocab_size, 1, kMaxSize);
  std::string positions = "absolute";
  reader.read("position_embedding_type", positions);
  require(positions == "absolute",
          "[{}] \"position_embedding_type\" is \"{}\"; only absolute is supported.", reader.where(),
          positions);
  require(
      config.type != ModelType::roberta || config.max_position_embeddings > config.pad_token_id + 1,
      "[{}] \"max_position_embeddings\" is {}; positions begin at pad_token_id + 1 = {}.",
      reader.where(), config.max_position_embeddings, config.pad_token_id + 1);
  double dropout = 0;
  if (reader.read("classifier_dropout", dropout, 0, 1)) config.classifier_dropout = dropout;
}

void read_labels(const JsonReader& reader, ModelConfig& config) {
  reader.read("num_labels", config.num_labels, 1, kMaxLabels);
  std::string problem;
  reader.read("problem_type", problem);
  require(problem.empty() || problem == "regression" || problem == "single_label_classification",
          "[{}] \"problem_type\" is \"{}\"; regression and single_label_classification are "
          "supported.",
          reader.where(), problem);
  config.problem_type = problem;
  const json* names = reader.find("id2label");
  if (!names) return;
  if (!names->is_object()) reader.refuse_type("id2label", *names, "an object");
  require(!names->empty() && static_cast<int64_t>(names->size()) <= kMaxLabels,
          "[{}] \"id2label\" names {} labels; 1 to {} are possible.", reader.where(), names->size(),
          kMaxLabels);
  for (size_t i = 0; i < names->size(); ++i) {
    const auto name = names->find(std::to_string(i));
    require(name != names->end(), "[{}] \"id2label\" names {} labels but not {}.", reader.where(),
            names->size(), i);
    if (!name->is_string()) reader.refuse_type("id2label", *name, "an object of strings");
    config.label_names.push_back(name->get<std::string>());
  }
  config.num_labels = static_cast<int64_t>(names->size());  // it wins, as in Hugging Face
}

}  // namespace

std::string_view name_of(ModelType type) {
  return kTypeNames[static_cast<size_t>(type)];
}

ModelConfig parse_config(std::string_view text, const std::string& where) {
  const json object = parse_json_object(text, where);
  const JsonReader reader(object, where);
  ModelConfig config = default_config(read_type(reader));
  config.source = text;
  reader.read("vocab_size", config.vocab_size, 1, kMaxSize);
  reader.read("hidden_size", config.hidden_size, 1, kMaxSize);
  reader.read("num_hidden_layers", config.layers, 1, kMaxLayers);
  reader.read("num_attention_heads", config.heads, 1, kMaxSize);
  reader.read("intermediate_size", config.intermediate_size, 1, kMaxSize);
  reader.read("max_position_embeddings", config.max_position_embeddings, 1, kMaxSize);
  reader.read("pad_token_id", config.pad_token_id, 0, config.vocab_size - 1);
  reader.read("layer_norm_eps", config.layer_norm_eps, 0, 1);
  reader.read("initializer_range", config.initializer_range, 0, 1e3);
  reader.read("hidden_dropout_prob", config.hidden_dropout_prob, 0, 1);
  reader.read("attention_probs_dropout_prob", config.attention_probs_dropout_prob, 0, 1);
  read_activation(reader, "hidden_act", config.hidden_act);
  require(config.hidden_size % config.heads == 0,
          "[{}] \"hidden_size\" {} does not divide into \"num_attention_heads\" {}.", where,
          config.hidden_size, config.heads);
  for (const char* key : {"is_decoder", "add_cross_attention"}) {
    require_switch(reader, key, false, false);
  }
  for (const char* key : {"pruned_heads", "quantization_config"}) {
    const json* found = reader.find(key);
    require(!found || found->empty(), "[{}] \"{}\" is not supported.", where, key);
  }
  config.type == ModelType::deberta_v2 ? read_deberta(reader, config) : read_bert(reader, config);
  read_labels(reader, config);
  return config;
}

}  // namespace soragrad::models
