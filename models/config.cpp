#include "models/config.h"

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "models/config_keys.h"
#include "models/family.h"
#include "models/labels.h"

namespace soragrad::models {
namespace {

using nlohmann::json;

// Bounds that no real model reaches, as kMaxConfigSize.
constexpr int64_t kMaxLayers = 1024;
constexpr int64_t kMaxLabels = 1 << 16;

const Family& read_family(const JsonReader& reader) {
  std::string name;
  require(reader.read("model_type", name), "[{}] has no \"model_type\"; {} are known.",
          reader.where(), family_names());
  const Family* family = find_family(name);
  require(family != nullptr, "[{}] \"model_type\" is \"{}\"; known are {}.", reader.where(),
          shown(name), family_names());
  return *family;
}

// The names by "label2id" in the order of the classes; empty if it does not number them from 0.
std::vector<std::string> names_by_label2id(const JsonReader& reader) {
  const json* numbers = reader.find("label2id");
  if (!numbers || !numbers->is_object() || static_cast<int64_t>(numbers->size()) > kMaxLabels) {
    return {};
  }
  std::vector<std::string> names(numbers->size());
  for (const auto& [name, number] : numbers->items()) {
    const bool fits = number.is_number_integer() && number >= 0 && number < names.size();
    if (!fits || !names[number.get<size_t>()].empty()) return {};
    names[number.get<size_t>()] = name;
  }
  return names;
}

// "label2id" speaks where "id2label" names nothing, and must not contradict it: programs differ in
// which of the two they read (run_glue.py takes label2id).
void compare_label2id(const JsonReader& reader, ModelConfig& config) {
  std::vector<std::string> others = names_by_label2id(reader);
  if (static_cast<int64_t>(others.size()) != config.num_labels || !are_named(others)) return;
  if (!are_named(config.label_names)) {
    config.label_names = std::move(others);
    return;
  }
  if (!find_classes(config.label_names, others)) return;  // the names of another task, left over
  for (size_t i = 0; i < others.size(); ++i) {
    require(
        find_classes({&config.label_names[i], 1}, {&others[i], 1}).has_value(),
        "[{}] \"id2label\" calls class {} {}, \"label2id\" calls it {}; correct one of the two.",
        reader.where(), i, quote(config.label_names[i]), quote(others[i]));
  }
}

void read_id2label(const JsonReader& reader, ModelConfig& config) {
  const json* names = reader.find("id2label");
  if (!names) return;
  if (!names->is_object()) reader.refuse_type("id2label", *names, "an object");
  require(!names->empty() && static_cast<int64_t>(names->size()) <= kMaxLabels,
          "[{}] \"id2label\" names {} labels; 1 to {} are possible.", reader.where(), names->size(),
          kMaxLabels);
  const size_t first = names->contains("0") ? 0 : 1;  // files made by hand may count from 1
  for (size_t i = 0; i < names->size(); ++i) {
    const auto name = names->find(std::to_string(first + i));
    require(name != names->end(), "[{}] \"id2label\" names {} labels but not {}.", reader.where(),
            names->size(), first + i);
    const bool number = name->is_number_integer();
    if (!name->is_string() && !number) {
      reader.refuse_type("id2label", *name, "an object of strings or whole numbers");
    }
    config.label_names.push_back(number ? name->dump() : name->get<std::string>());
  }
  config.num_labels = static_cast<int64_t>(names->size());  // it wins, as in Hugging Face
}

void read_labels(const JsonReader& reader, ModelConfig& config) {
  reader.read("num_labels", config.num_labels, 1, kMaxLabels);
  std::string problem;
  reader.read("problem_type", problem);
  require(problem.empty() || problem == "regression" || problem == "single_label_classification" ||
              problem == "multi_label_classification",
          "[{}] \"problem_type\" is \"{}\"; regression, single_label_classification and "
          "multi_label_classification are supported.",
          reader.where(), problem);
  config.problem_type = problem;
  read_id2label(reader, config);
  require(problem != "regression" || config.num_labels == 1,
          "[{}] \"problem_type\" is \"regression\" with {} labels; one score alone is supported.",
          reader.where(), config.num_labels);
  compare_label2id(reader, config);
}

}  // namespace

void read_activation(const JsonReader& reader, const char* key, Activation& activation) {
  std::string name;
  if (!reader.read(key, name)) return;
  const auto found = nn::find_activation(name);
  require(found.has_value(), "[{}] \"{}\" is \"{}\"; known are {}.", reader.where(), key,
          shown(name), nn::activation_names());
  activation = *found;
}

void require_switch(const JsonReader& reader, const char* key, bool wanted, bool otherwise) {
  bool value = otherwise;
  const bool present = reader.read(key, value);
  require(value == wanted, "[{}] \"{}\" is {}{}; only {} is supported.", reader.where(), key,
          present ? "" : "missing, which means ", value, wanted);
}

void require_number(const JsonReader& reader, const char* key, int64_t wanted) {
  int64_t value = wanted;
  reader.read(key, value, -1, kMaxConfigSize);
  require(value == wanted, "[{}] \"{}\" is {}; only {} is supported.", reader.where(), key, value,
          wanted);
}

ModelConfig parse_config(std::string_view text, const std::string& where) {
  const json object = parse_json_object(text, where);
  const JsonReader reader(object, where);
  ModelConfig config;
  config.family = &read_family(reader);
  config.family->set_defaults(config);
  config.source = text;
  reader.read("vocab_size", config.vocab_size, 1, kMaxConfigSize);
  reader.read("hidden_size", config.hidden_size, 1, kMaxConfigSize);
  reader.read("num_hidden_layers", config.layers, 1, kMaxLayers);
  reader.read("num_attention_heads", config.heads, 1, kMaxConfigSize);
  reader.read("intermediate_size", config.intermediate_size, 1, kMaxConfigSize);
  reader.read("max_position_embeddings", config.max_position_embeddings, 1, kMaxConfigSize);
  if (object.contains("pad_token_id") && object["pad_token_id"].is_null()) {
    config.pad_token_id = -1;
  }
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
  double dropout = 0;
  if (reader.read(config.family->dropout_key, dropout, 0, 1)) config.classifier_dropout = dropout;
  config.family->read_keys(reader, config);
  read_labels(reader, config);
  return config;
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
