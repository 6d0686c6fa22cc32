#include "sora/adapter_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/state_dict.h"
#include "sora/attached_state.h"
#include "sora/baselines/adalora.h"
#include "sora/gated_delta.h"
#include "sora/method_config.h"
#include "sora/method_keys.h"
#include "sora/peft_import.h"
#include "sora/targets.h"

namespace soragrad::sora {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "adapter_config.json";
constexpr const char* kTensorsName = "adapter_model.safetensors";

nn::Checkpoint open_tensors(const fs::path& folder, bool peft) {
  const fs::path torch = folder / "adapter_model.bin";  // peft before 0.6
  const bool use_torch = peft && !fs::exists(folder / kTensorsName) && fs::exists(torch);
  return nn::open_checkpoint(use_torch ? torch : folder / kTensorsName);
}

// Whether the model has a parameter of that name in its head.
bool names_head(nn::Module& model, std::string_view name) {
  const nn::Parameter* parameter = model.find_parameter(std::string(name));
  return parameter && nn::is_head(*parameter);
}

// A run's adapter holds exactly the method's parameters and the head. peft leaves the head to the
// base model unless modules_to_save names it, and may add biases and masked-out modules of rank 0.
// Returns what the file lacks of the head.
std::vector<nn::Parameter*> load_values(const nn::Checkpoint& file, bool peft, nn::Module& model) {
  std::vector<nn::Parameter*> parameters = adapter_parameters(model);
  nn::StateRules rules;
  if (peft) {
    for (nn::Parameter* parameter : model.parameters()) {
      const std::string path = parameter->path();
      const bool wanted = parameter->requires_grad() || nn::is_head(*parameter);
      if (!wanted && path.ends_with(".bias") && file.contains(path))
        parameters.push_back(parameter);
    }
    rules.may_be_absent = [&](std::string_view name) { return names_head(model, name); };
    rules.ignored = [&](std::string_view name) {
      return name.ends_with(".ranknum") || file.at(name).numel() == 0;
    };
  }
  return nn::load_state(parameters, file, rules, device_of(model));
}

AdapterConfig own_config(const nlohmann::json& json, const std::string& where) {
  const JsonReader reader(json, where);
  AdapterConfig config;
  config.method = method_config_of(json, where);
  reader.read("base_model_name_or_path", config.info.base_model);
  reader.read("task", config.info.task);
  reader.read("num_labels", config.info.num_labels, 0, 1 << 20);
  reader.read("base_model_sha256", config.info.base_model_sha256);
  reader.read("problem_type", config.info.problem_type);
  reader.read("tokenizer_sha256", config.info.tokenizer_sha256);
  if (const nlohmann::json* labels = reader.find("labels")) {
    for (const nlohmann::json& label : *labels) {
      if (!labels->is_array() || !label.is_string()) {
        reader.refuse_type("labels", *labels, "a list of names");
      }
      config.info.labels.push_back(label.get<std::string>());
    }
  }
  return config;
}

// Whether lora_alpha and ranks say how a method's deltas are scaled.
bool has_factors(std::string_view method) {
  return is_choice("sora|lora|adalora", method);
}

// Throws unless the model's deltas are scaled as the configuration says: a file holds no factors.
void require_factors(const std::string& where, const MethodConfig& config, nn::Module& model) {
  for (const GatedDelta* delta : gated_deltas(model)) {
    double factor = config.method == "adalora"
                        ? adalora_factor(config.lora_alpha, static_cast<double>(config.init_r))
                        : config.lora_alpha / static_cast<double>(config.r);
    for (const ModuleShape& shape : config.modules.value_or(std::vector<ModuleShape>{})) {
      if (shape.module == delta->linear().path()) factor = shape.factor;
    }
    require(delta->factor() == factor,
            "[{}] by lora_alpha and rank the factor of {} is {}; that of the attached delta is {}.",
            where, delta->linear().path(), factor, delta->factor());
  }
}

bool is_peft(const nlohmann::json& json) {
  return json.contains("peft_type");
}

// What a folder holds: its configuration and tensors under this library's names.
struct Contents {
  AdapterConfig config;
  nn::Checkpoint tensors;
};

// The folder's adapter_config.json; a run's folder gets advice.
fs::path config_path(const fs::path& folder) {
  fs::path path = folder / kConfigName;
  const bool is_run = !path_exists(path) && path_exists(folder / "best" / kConfigName);
  require(!is_run, "[{}] is a run, not an adapter; give {} instead, or the run by --run.",
          shown(folder.string()), shown((folder / "best").string()));
  return path;
}

Contents read_folder(const fs::path& folder) {
  const fs::path path = config_path(folder);
  const std::string text = read_file(path.string(), kMaxJsonBytes);
  const std::string where = shown(path.string());
  const nlohmann::json json = parse_json_object(text, where);
  if (!is_peft(json)) return {own_config(json, where), open_tensors(folder, false)};
  nn::Checkpoint tensors = with_own_names(open_tensors(folder, true));
  AdapterConfig config = peft_config(text, tensors, where);
  return {std::move(config), std::move(tensors)};
}

}  // namespace

void save_adapter(const fs::path& folder, nn::Module& model, const MethodConfig& config,
                  const AdapterInfo& info) {
  if (has_factors(config.method)) require_factors("save_adapter", config, model);
  make_folders(folder);
  nn::save_state(folder / kTensorsName, adapter_parameters(model));
  save_adapter_config(folder, config, info);
}

void save_adapter_config(const fs::path& folder, const MethodConfig& config,
                         const AdapterInfo& info) {
  nlohmann::json json = to_json(config);
  json["base_model_name_or_path"] = info.base_model;
  json["task"] = info.task;
  json["num_labels"] = info.num_labels;
  if (!info.base_model_sha256.empty()) json["base_model_sha256"] = info.base_model_sha256;
  if (!info.tokenizer_sha256.empty()) json["tokenizer_sha256"] = info.tokenizer_sha256;
  if (!info.labels.empty()) json["labels"] = info.labels;
  if (!info.problem_type.empty()) json["problem_type"] = info.problem_type;
  AtomicFile file(folder / kConfigName);
  file.write(json_text(json, 2) + "\n");
  file.commit();
}

AdapterConfig read_adapter_config(const fs::path& folder) {
  const fs::path path = config_path(folder);
  const nlohmann::json json = read_json_object(path);
  if (is_peft(json)) return read_folder(folder).config;
  return own_config(json, shown(path.string()));
}

std::unique_ptr<Method> load_adapter(const fs::path& folder, nn::Module& model,
                                     std::vector<std::string>* absent) {
  const Contents contents = read_folder(folder);
  std::unique_ptr<Method> method = make_method(contents.config.method);
  const AttachedState before(model);
  method->attach(model, std::nullopt);  // sizes are compared before anything is allocated
  try {
    for (const nn::Parameter* each : load_values(contents.tensors, contents.config.peft, model)) {
      if (absent) absent->push_back(each->path());
    }
  } catch (...) {
    before.restore();
    throw;
  }
  return method;
}

void load_adapter_values(const fs::path& folder, std::string_view method, nn::Module& model) {
  const fs::path path = folder / kConfigName;
  const nlohmann::json json = read_json_object(path);
  const std::string where = shown(path.string());
  std::string stored;
  if (!is_peft(json)) JsonReader(json, where).read("method", stored);
  require(stored == method, "[{}] the adapter's method is \"{}\"; {} is attached.", where,
          shown(is_peft(json) ? "peft" : stored), method);
  if (has_factors(stored)) require_factors(where, own_config(json, where).method, model);
  load_values(open_tensors(folder, false), false, model);
}

MethodConfig continued(const MethodConfig& run, const fs::path& folder) {
  MethodConfig adapter = read_adapter_config(folder).method;
  require(
      adapter.method == run.method,
      "[initial_state] {} holds an adapter of method {}, the run's method is {}; set method={}.",
      shown(folder.string()), adapter.method, run.method, adapter.method);
  MethodConfig config = run;
  for (const MethodKey& key : method_keys()) {
    if (!key.is_shape) continue;
    std::visit([&](auto* to) { *to = *std::get<decltype(to)>(key.field(adapter)); },
               key.field(config));
  }
  config.target_r = std::min(run.target_r, adapter.init_r);
  config.modules = adapter.modules;
  return config;
}

void load_initial_adapter(const fs::path& folder, nn::Module& model) {
  const Contents contents = read_folder(folder);
  for (const nn::StoredTensor& tensor : contents.tensors.tensors()) {
    require(
        !tensor.name.ends_with(".bias") || names_head(model, tensor.name) || !contents.config.peft,
        "[initial_state] {} holds {}: biases would be lost in the run's adapter; train it in "
        "peft with bias=none.",
        shown(folder.string()), shown(tensor.name));
  }
  load_values(contents.tensors, contents.config.peft, model);
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
