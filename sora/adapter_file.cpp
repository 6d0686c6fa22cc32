#include "sora/adapter_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/mapped_file.h"
#include "nn/checkpoint/state_dict.h"
#include "nn/json_file.h"
#include "sora/method_config.h"
#include "sora/peft_import.h"

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

Device device_of(nn::Module& model) {
  for (const nn::Parameter* parameter : model.parameters()) {
    if (parameter->defined()) return parameter->device();
  }
  return Device::cpu;
}

// A run's adapter holds exactly the method's parameters and the head. peft leaves the head to the
// base model unless modules_to_save names it, and may add biases and masked-out modules of rank 0.
void load_values(const nn::Checkpoint& file, bool peft, nn::Module& model) {
  std::vector<nn::Parameter*> parameters = adapter_parameters(model);
  nn::StateRules rules;
  if (peft) {
    for (nn::Parameter* parameter : model.parameters()) {
      const std::string path = parameter->path();
      const bool wanted = parameter->requires_grad() || is_head(path);
      if (!wanted && path.ends_with(".bias") && file.contains(path))
        parameters.push_back(parameter);
    }
    rules.may_be_absent = [](std::string_view name) { return is_head(name); };
    rules.ignored = [&](std::string_view name) {
      return name.ends_with(".ranknum") || file.at(name).numel() == 0;
    };
  }
  nn::load_state(parameters, file, rules, device_of(model));
}

AdapterConfig own_config(const nlohmann::json& json, const std::string& where) {
  const nn::JsonReader reader(json, where);
  AdapterConfig config;
  config.method = method_config_of(json, where);
  reader.read("base_model_name_or_path", config.info.base_model);
  reader.read("task", config.info.task);
  reader.read("num_labels", config.info.num_labels, 0, 1 << 20);
  return config;
}

bool is_peft(const nlohmann::json& json) {
  return json.contains("peft_type");
}

// What a folder holds: its configuration and tensors under this library's names.
struct Contents {
  AdapterConfig config;
  nn::Checkpoint tensors;
};

Contents read_folder(const fs::path& folder) {
  const fs::path path = folder / kConfigName;
  const nlohmann::json json = nn::read_json_object(path);
  const std::string where = nn::printable(path.string());
  if (!is_peft(json)) return {own_config(json, where), open_tensors(folder, false)};
  nn::Checkpoint tensors = with_own_names(open_tensors(folder, true));
  AdapterConfig config = peft_config(json, tensors, where);
  return {std::move(config), std::move(tensors)};
}

}  // namespace

void save_adapter(const fs::path& folder, nn::Module& model, const MethodConfig& config,
                  const AdapterInfo& info) {
  fs::create_directories(folder);
  nn::save_state(folder / kTensorsName, adapter_parameters(model));
  nlohmann::json json = to_json(config);
  json["base_model_name_or_path"] = info.base_model;
  json["task"] = info.task;
  json["num_labels"] = info.num_labels;
  AtomicFile file(folder / kConfigName);
  file.write(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  file.commit();
}

AdapterConfig read_adapter_config(const fs::path& folder) {
  const fs::path path = folder / kConfigName;
  const nlohmann::json json = nn::read_json_object(path);
  if (is_peft(json)) return read_folder(folder).config;
  return own_config(json, nn::printable(path.string()));
}

std::unique_ptr<Method> load_adapter(const fs::path& folder, nn::Module& model) {
  const Contents contents = read_folder(folder);
  std::unique_ptr<Method> method = make_method(contents.config.method);
  method->attach(model, std::nullopt);  // sizes are compared before anything is allocated
  load_values(contents.tensors, contents.config.peft, model);
  return method;
}

void load_adapter_values(const fs::path& folder, std::string_view method, nn::Module& model) {
  const fs::path path = folder / kConfigName;
  const nlohmann::json json = nn::read_json_object(path);
  const std::string where = nn::printable(path.string());
  std::string stored;
  if (!is_peft(json)) nn::JsonReader(json, where).read("method", stored);
  require(stored == method, "[{}] the adapter's method is \"{}\"; {} is attached.", where,
          nn::printable(is_peft(json) ? "peft" : stored), method);
  load_values(open_tensors(folder, false), false, model);
}

MethodConfig continued(const MethodConfig& run, const fs::path& folder) {
  const MethodConfig adapter = read_adapter_config(folder).method;
  require(
      adapter.method == run.method,
      "[initial_state] {} holds an adapter of method {}, the run's method is {}; set method={}.",
      nn::printable(folder.string()), adapter.method, run.method, adapter.method);
  MethodConfig config = run;
  config.r = adapter.r;
  config.lora_alpha = adapter.lora_alpha;
  config.target_modules = adapter.target_modules;
  config.init_r = adapter.init_r;
  config.target_r = std::min(run.target_r, adapter.init_r);
  config.bottleneck = adapter.bottleneck;
  config.adapter_activation = adapter.adapter_activation;
  config.modules = adapter.modules;
  return config;
}

void load_initial_adapter(const fs::path& folder, nn::Module& model) {
  const Contents contents = read_folder(folder);
  for (const nn::StoredTensor& tensor : contents.tensors.tensors()) {
    require(!tensor.name.ends_with(".bias") || is_head(tensor.name) || !contents.config.peft,
            "[initial_state] {} holds {}: biases would be lost in the run's adapter; train it in "
            "peft with bias=none.",
            nn::printable(folder.string()), nn::printable(tensor.name));
  }
  load_values(contents.tensors, contents.config.peft, model);
}

}  // namespace soragrad::sora
