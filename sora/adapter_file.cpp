#include "sora/adapter_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "nn/checkpoint/atomic_file.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/safetensors.h"
#include "sora/json_file.h"
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

// "2 missing (a, b)", at most ten names.
std::string listed(const std::vector<std::string>& names, const char* what) {
  constexpr size_t kShown = 10;
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kShown));
  return fmt::format("{} {} ({}{})", names.size(), what, fmt::join(names.begin(), end, ", "),
                     names.size() > kShown ? ", ..." : "");
}

// Gives parameters the values of the file's tensors, all or none.
class Loader {
 public:
  Loader(const nn::Checkpoint& file, std::string base_model)
      : file_(file), base_model_(std::move(base_model)) {}

  void take(const nn::StoredTensor& tensor, nn::Parameter& parameter) {
    const Shape& shape = parameter.declared_shape();
    if (!std::equal(tensor.sizes.begin(), tensor.sizes.end(), shape.sizes().begin(),
                    shape.sizes().end())) {
      misshaped_.push_back(fmt::format("{} is {}, the model has {}", tensor.name,
                                       nn::to_text(tensor.sizes), shape));
      return;
    }
    pairs_.emplace_back(&tensor, &parameter);
  }
  void missing(const std::string& name) { missing_.push_back(name); }
  void unexpected(const std::string& name) { unexpected_.push_back(name); }

  void finish() {
    std::vector<std::string> problems;
    if (!missing_.empty()) problems.push_back(listed(missing_, "missing"));
    if (!unexpected_.empty()) problems.push_back(listed(unexpected_, "unexpected"));
    if (!misshaped_.empty()) problems.push_back(listed(misshaped_, "mis-shaped"));
    require(problems.empty(), "[{}] the adapter does not fit the model: {}. Its base model is {}.",
            file_.where(), fmt::join(problems, "; "),
            base_model_.empty() ? "not named" : base_model_);
    for (const auto& [tensor, parameter] : pairs_) {
      const Tensor value = Tensor::empty(parameter->declared_shape());
      nn::copy_to<real>(*tensor, {value.data(), static_cast<size_t>(value.numel())});
      parameter->assign(value.to(parameter->defined() ? parameter->device() : Device::cpu));
    }
  }

 private:
  const nn::Checkpoint& file_;
  std::string base_model_;
  std::vector<std::pair<const nn::StoredTensor*, nn::Parameter*>> pairs_;
  std::vector<std::string> missing_, unexpected_, misshaped_;
};

void load_values(const nn::Checkpoint& file, const AdapterConfig& config, nn::Module& model) {
  Loader loader(file, config.info.base_model);
  std::set<std::string> given;
  for (const nn::StoredTensor& tensor : file.tensors()) {
    const std::string path = config.peft ? peft_path(tensor.name) : tensor.name;
    if (config.peft && path.ends_with(".ranknum")) continue;  // init_r again
    nn::Parameter* parameter = model.find_parameter(path);
    // A run's adapter holds exactly the method's parameters; peft may add biases.
    const bool fits = parameter && (config.peft || parameter->requires_grad() || is_head(path));
    if (!fits || !given.insert(path).second) {
      loader.unexpected(tensor.name);
    } else {
      loader.take(tensor, *parameter);
    }
  }
  for (const nn::Parameter* parameter : adapter_parameters(model)) {
    const std::string path = parameter->path();
    // peft without modules_to_save leaves the head to the base model.
    if (!given.count(path) && !(config.peft && is_head(path))) loader.missing(path);
  }
  loader.finish();
}

AdapterConfig own_config(const nlohmann::json& json, const std::string& where) {
  AdapterConfig config;
  config.method = method_config_of(json, where);
  read_optional(json, "base_model_name_or_path", where, config.info.base_model);
  read_optional(json, "task", where, config.info.task);
  read_optional(json, "num_labels", where, config.info.num_labels);
  return config;
}

bool is_peft(const nlohmann::json& json) { return json.contains("peft_type"); }

AdapterConfig parsed_config(const nlohmann::json& json, const nn::Checkpoint& tensors,
                            const std::string& where) {
  return is_peft(json) ? peft_config(json, tensors, where) : own_config(json, where);
}

}  // namespace

void save_adapter(const fs::path& folder, nn::Module& model, const MethodConfig& config,
                  const AdapterInfo& info) {
  fs::create_directories(folder);
  std::vector<Tensor> host;
  nn::SafetensorsWriter writer;
  for (const nn::Parameter* parameter : adapter_parameters(model)) {
    const Tensor value = parameter->value().to(Device::cpu);
    host.push_back(value);
    writer.add(parameter->path(), value.dtype(), value.shape().sizes(),
               {value.raw(), value.bytes()});
  }
  writer.write(folder / kTensorsName);
  nlohmann::json json = to_json(config);
  json["base_model_name_or_path"] = info.base_model;
  json["task"] = info.task;
  json["num_labels"] = info.num_labels;
  nn::AtomicFile file(folder / kConfigName);
  file.write(json.dump(2) + "\n");
  file.commit();
}

AdapterConfig read_adapter_config(const fs::path& folder) {
  const fs::path path = folder / kConfigName;
  const nlohmann::json json = read_json_object(path);
  if (!is_peft(json)) return own_config(json, path.string());
  return peft_config(json, open_tensors(folder, true), path.string());
}

std::unique_ptr<Method> load_adapter(const fs::path& folder, nn::Module& model) {
  const fs::path path = folder / kConfigName;
  const nlohmann::json json = read_json_object(path);
  const nn::Checkpoint tensors = open_tensors(folder, is_peft(json));
  const AdapterConfig config = parsed_config(json, tensors, path.string());
  std::unique_ptr<Method> method = make_method(config.method);
  method->attach(model, 0);
  load_values(tensors, config, model);
  return method;
}

}  // namespace soragrad::sora
