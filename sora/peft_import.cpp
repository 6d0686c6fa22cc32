#include "sora/peft_import.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "sora/baselines/adalora.h"
#include "sora/targets.h"

namespace soragrad::sora {
namespace {

using Json = nlohmann::json;

// A pattern's key without anchors, as a plain name. peft takes keys for regular expressions; plain
// names, with the dots escaped or not, are all that adapters of transformers use.
std::string plain_name(std::string key, const std::string& where) {
  if (key.starts_with('^')) key.erase(0, 1);
  if (key.ends_with('$')) key.pop_back();
  for (size_t at = key.find("\\."); at != std::string::npos; at = key.find("\\.", at)) {
    key.erase(at, 1);
  }
  require(key.find_first_of("\\^$*+?()[]{}|") == std::string::npos,
          "[{}] the pattern \"{}\" is a regular expression; write plain module names.", where,
          shown(key));
  return key;
}

// The keys of the object that a JSON object has under `name`, in the text's order, which Json does
// not keep. The text has been parsed before.
std::vector<std::string> keys_in_order(std::string_view text, std::string_view name) {
  constexpr int kOuter = 1, kInner = 2;  // depths of keys
  std::vector<std::string> keys;
  bool inside = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event != Json::parse_event_t::key) return true;
    const auto& key = value.get_ref<const std::string&>();
    if (depth == kOuter) inside = key == name;
    if (depth == kInner && inside) keys.push_back(key);
    return true;
  };
  [[maybe_unused]] const Json parsed = Json::parse(quote_python_numbers(text), watch);
  return keys;
}

class Patterns {
 public:
  Patterns() = default;
  Patterns(const JsonReader& reader, const char* key, std::string_view text) {
    const Json* found = reader.find(key);
    if (!found) return;
    if (!found->is_object()) reader.refuse_type(key, *found, "an object");
    for (const std::string& name : keys_in_order(text, key)) {
      const Json& value = (*found)[name];
      if (!value.is_number()) reader.refuse_type(key, value, "an object of numbers");
      values_.push_back(
          {plain_name(name, reader.where()), name.starts_with('^'), value.get<double>()});
    }
  }
  // Of the first key, in the file's order, that the module's path is or ends in. A key that begins
  // with ^ must be the whole path.
  double value(const std::string& module, double otherwise) const {
    for (const auto& [name, whole, value] : values_) {
      if (whole ? module == name : matches(module, name)) return value;
    }
    return otherwise;
  }

 private:
  struct Value {
    std::string name;
    bool whole;
    double value;
  };
  std::vector<Value> values_;
};

// Parts of peft's LoRA that no tensor's name or shape shows.
constexpr const char* kVariants[] = {
    "layer_replication", "alora_invocation_tokens", "arrow_config",     "kasa_config",
    "use_bdlora",        "velora_config",           "monteclora_config"};

void refuse_unsupported(const JsonReader& reader) {
  for (const char* key : kVariants) {
    require(!reader.find(key), "[{}] \"{}\" is set, which is not supported; train plain LoRA.",
            reader.where(), key);
  }
  for (const char* key : {"use_dora", "fan_in_fan_out", "lora_bias"}) {
    bool on = false;
    reader.read(key, on);
    require(!on, "[{}] \"{}\" is true, which is not supported; train the adapter without it.",
            reader.where(), key);
  }
  const Json* init = reader.find("init_lora_weights");
  if (!init || !init->is_string()) return;
  const auto name = init->get<std::string>();
  for (const char* changes : {"pissa", "olora", "loftq", "corda", "lora_ga"}) {
    require(!name.starts_with(changes),
            "[{}] init_lora_weights \"{}\" changes the base weights, which the adapter lacks; "
            "convert it to plain LoRA in peft first.",
            reader.where(), shown(name));
  }
}

int64_t num_labels_of(const nn::Checkpoint& tensors) {
  for (const char* name : {"classifier.weight", "classifier.out_proj.weight"}) {
    const nn::StoredTensor* tensor = tensors.find(name);
    if (tensor && tensor->sizes.size() == 2) return tensor->sizes[0];
  }
  return 0;
}

}  // namespace

nn::Checkpoint with_own_names(const nn::Checkpoint& peft) {
  constexpr std::string_view kPrefix = "base_model.model.", kBase = ".base_layer.";
  std::vector<nn::StoredTensor> tensors = peft.tensors();
  // With bias "all", peft also writes the biases of its wrapper around the head: the trained ones a
  // second time, and those of the head it replaced.
  std::erase_if(tensors, [](const nn::StoredTensor& tensor) {
    return tensor.name.find(".modules_to_save.") != std::string::npos ||
           tensor.name.find(".original_module.") != std::string::npos;
  });
  for (nn::StoredTensor& tensor : tensors) {
    if (tensor.name.starts_with(kPrefix)) tensor.name.erase(0, kPrefix.size());
    const size_t at = tensor.name.find(kBase);
    if (at != std::string::npos) tensor.name.erase(at, kBase.size() - 1);
  }
  return nn::Checkpoint(std::move(tensors), peft.metadata(), peft.where());
}

AdapterConfig peft_config(std::string_view text, const nn::Checkpoint& tensors,
                          const std::string& where) {
  constexpr double kMax = std::numeric_limits<double>::max();
  const Json json = parse_json_object(text, where);
  const JsonReader reader(json, where);
  std::string type;
  reader.read("peft_type", type);
  require(type == "LORA" || type == "ADALORA",
          "[{}] peft_type is \"{}\"; LORA and ADALORA can be read.", where, shown(type));
  refuse_unsupported(reader);
  const bool adalora = type == "ADALORA";
  AdapterConfig config;
  config.peft = true;
  MethodConfig& method = config.method;
  method.method = adalora ? "adalora" : "lora";
  reader.read("r", method.r, 1, kMaxAdapterRank);
  method.lora_alpha = 8;  // LoraConfig's default, if the file leaves it out
  reader.read("lora_alpha", method.lora_alpha, -kMax, kMax);
  reader.read("lora_dropout", method.lora_dropout, 0, 1);
  if (adalora) reader.read("init_r", method.init_r, 1, kMaxAdapterRank);
  method.target_r = std::min(method.target_r, method.init_r);
  bool rslora = false;
  reader.read("use_rslora", rslora);
  reader.read("base_model_name_or_path", config.info.base_model);
  config.info.num_labels = num_labels_of(tensors);

  // The ranks of rank_pattern are the tensors' own; only alpha needs looking up.
  const Json* pattern = reader.find("rank_pattern");
  const bool is_one_rank = !adalora && (!pattern || pattern->empty());
  method.modules.emplace();
  // peft's AdaLoRA reads no alpha_pattern.
  const Patterns alphas = adalora ? Patterns() : Patterns(reader, "alpha_pattern", text);
  const std::string_view suffix = adalora ? ".lora_A" : ".lora_A.weight";
  for (const nn::StoredTensor& tensor : tensors.tensors()) {
    if (!tensor.name.ends_with(suffix)) continue;
    const std::string module = tensor.name.substr(0, tensor.name.size() - suffix.size());
    require(tensor.sizes.size() == 2, "[{}] {} is {}; (rank, in) is wanted.", tensors.where(),
            shown(tensor.name), nn::to_text(tensor.sizes));
    require(!is_one_rank || tensor.sizes[0] == method.r || tensor.sizes[0] == 0,
            "[{}] \"r\" is {}, but {} has the rank {}; correct \"r\", which lora_alpha is divided "
            "by, or name the rank in rank_pattern.",
            where, method.r, shown(tensor.name), tensor.sizes[0]);
    const auto rank = static_cast<double>(tensor.sizes[0]);
    const double alpha = alphas.value(module, method.lora_alpha);
    const double factor = adalora  ? adalora_factor(alpha, static_cast<double>(method.init_r))
                          : rslora ? alpha / std::sqrt(rank)
                                   : alpha / rank;
    if (rank > 0) method.modules->push_back({module, tensor.sizes[0], factor});
  }
  const bool has_others =
      std::ranges::any_of(tensors.tensors(), [](const nn::StoredTensor& tensor) {
        return tensor.name.find(".lora_") == std::string::npos &&
               !tensor.name.ends_with(".ranknum");
      });
  require(has_others || !method.modules->empty(),
          "[{}] the adapter has neither a lora_A tensor with a rank nor a head.", tensors.where());
  return config;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
