// config.json as a file: reading a folder's, and writing one back without losing foreign keys.
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "models/config.h"
#include "models/config_keys.h"
#include "models/family.h"

namespace soragrad::models {
namespace {

using nlohmann::json;

constexpr int64_t kMaxConfigBytes = 16 << 20;  // id2label may be long; real files have 1 kB

// Of the weights that save_model() writes.
constexpr const char* kDtype = sizeof(real) == 8 ? "float64" : "float32";

// The keys of a model that was not read from a file.
json known_keys(const ModelConfig& config) {
  json object = {{"model_type", config.family->model_type},
                 {"vocab_size", config.vocab_size},
                 {"hidden_size", config.hidden_size},
                 {"num_hidden_layers", config.layers},
                 {"num_attention_heads", config.heads},
                 {"intermediate_size", config.intermediate_size},
                 {"max_position_embeddings", config.max_position_embeddings},
                 {"type_vocab_size", config.type_vocab_size},
                 {"pad_token_id", config.pad_token_id < 0 ? json() : json(config.pad_token_id)},
                 {"layer_norm_eps", config.layer_norm_eps},
                 {"initializer_range", config.initializer_range},
                 {"hidden_act", name_of(config.hidden_act)},
                 {"hidden_dropout_prob", config.hidden_dropout_prob},
                 {"attention_probs_dropout_prob", config.attention_probs_dropout_prob}};
  if (config.classifier_dropout) object[config.family->dropout_key] = *config.classifier_dropout;
  if (!config.family->write_keys) return object;
  ConfigObject keys{std::move(object)};
  config.family->write_keys(config, keys);
  return keys.keys;
}

void write_labels(const ModelConfig& config, json& object) {
  if (object.contains("num_labels")) object["num_labels"] = config.num_labels;
  object.erase("id2label");
  object.erase("label2id");
  if (!config.problem_type.empty()) object["problem_type"] = config.problem_type;
  if (config.label_names.empty() && config.num_labels == 2) return;  // Hugging Face's default
  json names = json::object(), numbers = json::object();
  for (int64_t i = 0; i < config.num_labels; ++i) {
    const std::string number = std::to_string(i);
    const std::string name =
        config.label_names.empty() ? "LABEL_" + number : config.label_names[static_cast<size_t>(i)];
    names[number] = name;
    numbers[name] = i;
  }
  object["id2label"] = std::move(names);
  object["label2id"] = std::move(numbers);
}

// The keys in their order, but those of id2label by number: 2 before 10.
nlohmann::ordered_json in_file_order(const json& object) {
  nlohmann::ordered_json ordered = object;
  if (!object.contains("id2label")) return ordered;
  const json& names = object.at("id2label");
  nlohmann::ordered_json::object_t sorted;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string number = std::to_string(i);
    sorted.emplace_back(number, names.at(number));
  }
  ordered["id2label"] = std::move(sorted);
  return ordered;
}

}  // namespace

ModelConfig read_config(const std::filesystem::path& folder) {
  require(!is_file(folder), "[{}] is a file; a model is named by the folder that it lies in.",
          shown(folder.string()));
  require(is_folder(folder),
          "[{}] there is no such folder. Models are read from folders; `soragrad fetch model NAME "
          "--output DIR` makes one.",
          shown(folder.string()));
  const std::filesystem::path path = folder / "config.json";
  return parse_config(read_file(path.string(), kMaxConfigBytes), shown(path.string()));
}

void set_labels(ModelConfig& config, int64_t num_labels, bool regression) {
  require(num_labels >= 1 && (!regression || num_labels == 1),
          "[set_labels] {} labels{}; a model needs one, and regression has just one.", num_labels,
          regression ? " of a regression" : "");
  if (num_labels != config.num_labels) config.label_names.clear();
  config.num_labels = num_labels;
  config.problem_type = regression ? "regression" : "single_label_classification";
}

std::string to_json(const ModelConfig& config) {
  require(config.family != nullptr, "[config] the configuration has no family.");
  // Keys that nobody reads may hold NaN, which the mark tells from a class of that name.
  constexpr std::string_view kMark = "\\u001f";
  const std::string source = quote_python_numbers(config.source, kMark);
  json object = source.empty() ? known_keys(config) : parse_json_object(source, "config.json");
  object["architectures"] = json::array({config.family->architecture});
  for (const char* key : {"torch_dtype", "dtype"}) {  // transformers 4's name and 5's
    if (object.contains(key)) object[key] = kDtype;
  }
  if (!object.contains("dtype")) object["torch_dtype"] = kDtype;
  write_labels(config, object);
  return unquote_python_numbers(json_text(in_file_order(object), 2) + "\n", kMark);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
