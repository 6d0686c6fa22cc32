#include "sora/peft_import.h"

#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "sora/baselines/adalora.h"
#include "sora/json_file.h"
#include "sora/targets.h"

namespace soragrad::sora {
namespace {

using Json = nlohmann::json;

// A pattern's key as a plain name. peft takes keys for regular expressions; plain names, with the
// dots escaped or not, are all that adapters of transformers use.
std::string plain_name(std::string key, const std::string& where) {
  if (key.starts_with('^')) key.erase(0, 1);
  if (key.ends_with('$')) key.pop_back();
  for (size_t at = key.find("\\."); at != std::string::npos; at = key.find("\\.", at)) {
    key.erase(at, 1);
  }
  require(key.find_first_of("\\^$*+?()[]{}|") == std::string::npos,
          "[{}] the pattern \"{}\" is a regular expression; write plain module names.", where, key);
  return key;
}

class Patterns {
 public:
  Patterns(const Json& json, const std::string& key, const std::string& where) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) return;
    require(found->is_object(), "[{}] \"{}\" is {}, not an object.", where, key,
            found->type_name());
    for (const auto& [name, value] : found->items()) {
      require(value.is_number(), "[{}] {}.{} is no number.", where, key, name);
      values_.emplace_back(plain_name(name, where), value.get<double>());
    }
  }
  // Of the first key that the module's path is or ends in.
  double value(const std::string& module, double otherwise) const {
    for (const auto& [name, value] : values_) {
      if (matches(module, name)) return value;
    }
    return otherwise;
  }

 private:
  std::vector<std::pair<std::string, double>> values_;
};

void refuse_unsupported(const Json& json, const std::string& where) {
  for (const char* key : {"use_dora", "fan_in_fan_out", "lora_bias"}) {
    bool on = false;
    read_optional(json, key, where, on);
    require(!on, "[{}] \"{}\" is true, which is not supported; train the adapter without it.",
            where, key);
  }
  const auto init = json.find("init_lora_weights");
  if (init == json.end() || !init->is_string()) return;
  const auto name = init->get<std::string>();
  for (const char* changes : {"pissa", "olora", "loftq", "corda"}) {
    require(!name.starts_with(changes),
            "[{}] init_lora_weights \"{}\" changes the base weights, which the adapter lacks; "
            "convert it to plain LoRA in peft first.", where, name);
  }
}

// "X" for a tensor "base_model.model.X" + suffix; empty for others.
std::string module_of(const std::string& name, std::string_view suffix) {
  std::string path = peft_path(name);
  if (!path.ends_with(suffix)) return {};
  path.resize(path.size() - suffix.size());
  return path;
}

int64_t num_labels_of(const nn::Checkpoint& tensors) {
  for (const char* name : {"base_model.model.classifier.weight",
                           "base_model.model.classifier.out_proj.weight"}) {
    const nn::StoredTensor* tensor = tensors.find(name);
    if (tensor && tensor->sizes.size() == 2) return tensor->sizes[0];
  }
  return 0;
}

}  // namespace

std::string peft_path(std::string_view name) {
  constexpr std::string_view kPrefix = "base_model.model.", kBase = ".base_layer.";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  std::string path(name);
  const size_t at = path.find(kBase);
  if (at != std::string::npos) path.erase(at, kBase.size() - 1);
  return path;
}

AdapterConfig peft_config(const Json& json, const nn::Checkpoint& tensors,
                          const std::string& where) {
  std::string type;
  read_key(json, "peft_type", where, type);
  require(type == "LORA" || type == "ADALORA",
          "[{}] peft_type is {}; LORA and ADALORA can be read.", where, type);
  refuse_unsupported(json, where);
  const bool adalora = type == "ADALORA";
  AdapterConfig config;
  config.peft = true;
  MethodConfig& method = config.method;
  method.method = adalora ? "adalora" : "lora";
  read_optional(json, "r", where, method.r);
  read_optional(json, "lora_alpha", where, method.lora_alpha);
  read_optional(json, "lora_dropout", where, method.lora_dropout);
  if (adalora) read_optional(json, "init_r", where, method.init_r);
  bool rslora = false;
  read_optional(json, "use_rslora", where, rslora);
  read_optional(json, "base_model_name_or_path", where, config.info.base_model);
  config.info.num_labels = num_labels_of(tensors);
  method.target_r = std::min(method.target_r, method.init_r);

  // The ranks in rank_pattern are the tensors' own; only alpha needs looking up.
  const Patterns alphas(json, "alpha_pattern", where);
  for (const nn::StoredTensor& tensor : tensors.tensors()) {
    const std::string module = module_of(tensor.name, adalora ? ".lora_A" : ".lora_A.weight");
    if (module.empty()) continue;
    require(tensor.sizes.size() == 2, "[{}] {} has {} axes; 2 are wanted.", where, tensor.name,
            tensor.sizes.size());
    if (tensor.sizes[0] == 0) continue;
    const auto rank = static_cast<double>(tensor.sizes[0]);
    const double alpha = alphas.value(module, method.lora_alpha);
    const double factor = adalora  ? adalora_factor(alpha, static_cast<double>(method.init_r))
                          : rslora ? alpha / std::sqrt(rank)
                                   : alpha / rank;
    method.modules.push_back({module, tensor.sizes[0], factor});
  }
  require(!method.modules.empty(), "[{}] the adapter has no lora_A tensor.", tensors.where());
  return config;
}

}  // namespace soragrad::sora
