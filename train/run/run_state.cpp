#include "train/run/run_state.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/text.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/sha256.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/safetensors.h"

namespace soragrad::train {

namespace {

constexpr const char* kNumbers = "/state.json";
constexpr const char* kTensors = "/state.safetensors";
constexpr const char* kAdapterConfig = "/adapter_config.json";
constexpr std::string_view kFrozen = "frozen.";

using Named = std::vector<std::pair<std::string, Tensor>>;

Named tensors_of(const Tensor& best_values, const nn::Optimizer& optimizer, sora::Method& method) {
  Named tensors{{"values", optimizer.values()},
                {"first_moments", optimizer.first_moments()},
                {"second_moments", optimizer.second_moments()}};
  if (best_values.defined()) tensors.emplace_back("best_values", best_values);
  for (auto& [name, tensor] : method.state()) tensors.emplace_back("method." + name, tensor);
  return tensors;
}

// Copies a tensor of the file over one of the same size and type.
void restore(const nn::Checkpoint& file, const std::string& name, const Tensor& target) {
  const nn::StoredTensor& stored = file.at(name);
  require(stored.dtype == target.dtype() && stored.numel() == target.numel(),
          "[checkpoint] {}: {} holds {} elements of {}; this run has {} of {}.", file.where(), name,
          stored.numel(), stored.type, target.numel(), name_of(target.dtype()));
  const Tensor host = Tensor::empty(target.shape(), target.dtype());
  require(stored.bytes.size() == host.bytes(), "[checkpoint] {}: {} is damaged.", file.where(),
          name);
  std::copy(stored.bytes.begin(), stored.bytes.end(), host.raw());
  target.copy_from(host);
}

std::string layout_of(const nn::Optimizer& optimizer) {
  return fmt::format("{:016x}", optimizer.layout_hash());
}

void write_tensors(const std::string& path, const CheckpointContents& contents) {
  Named tensors = tensors_of(contents.state.best_values, contents.optimizer, contents.method);
  for (const nn::Parameter* parameter : contents.frozen) {
    tensors.emplace_back(std::string(kFrozen) + parameter->path(), parameter->value());
  }
  std::vector<Tensor> kept;  // host copies live until the file is written
  nn::SafetensorsWriter writer;
  for (const auto& [name, tensor] : tensors) {
    kept.push_back(tensor.to(Device::cpu));
    writer.add(name, tensor.dtype(), tensor.shape().sizes(), {kept.back().raw(), tensor.bytes()});
  }
  writer.write(path);
}

RunState state_of(const nlohmann::json& numbers) {
  RunState state;
  numbers.at("step").get_to(state.step);
  numbers.at("phase").get_to(state.phase);
  numbers.at("phase_step").get_to(state.phase_step);
  numbers.at("phase_ended").get_to(state.phase_ended);
  numbers.at("evaluation_due").get_to(state.evaluation_due);
  numbers.at("best_step").get_to(state.best_step);
  numbers.at("best_value").get_to(state.best_value);
  numbers.at("waited").get_to(state.waited);
  state.best_validation = numbers.at("best_validation");
  state.last_validation = numbers.at("last_validation");
  state.phases = numbers.at("phases");
  numbers.at("tokens").get_to(state.tokens);
  numbers.at("seconds").get_to(state.seconds);
  numbers.at("step_seconds").get_to(state.step_seconds);
  numbers.at("metrics_bytes").get_to(state.metrics_bytes);
  numbers.at("event_bytes").get_to(state.event_bytes);
  state.event_file = numbers.value("event_file", "");
  state.unlogged = numbers.value("unlogged", "");
  return state;
}

}  // namespace

void save_checkpoint(const std::string& folder, const CheckpointContents& contents) {
  const RunState& state = contents.state;
  write_tensors(folder + kTensors, contents);
  if (contents.adapter) {
    sora::save_adapter_config(folder, contents.adapter->method, contents.adapter->info);
  }
  nlohmann::json numbers;
  numbers["step"] = state.step;
  numbers["updates"] = contents.optimizer.steps();
  numbers["layout"] = layout_of(contents.optimizer);
  numbers["phase"] = state.phase;
  numbers["phase_step"] = state.phase_step;
  numbers["phase_ended"] = state.phase_ended;
  numbers["evaluation_due"] = state.evaluation_due;
  numbers["best_step"] = state.best_step;
  numbers["best_value"] = state.best_value;
  numbers["waited"] = state.waited;
  numbers["best_validation"] = state.best_validation;
  numbers["last_validation"] = state.last_validation;
  numbers["phases"] = state.phases;
  numbers["tokens"] = state.tokens;
  numbers["seconds"] = state.seconds;
  numbers["step_seconds"] = state.step_seconds;
  numbers["metrics_bytes"] = state.metrics_bytes;
  numbers["event_bytes"] = state.event_bytes;
  numbers["event_file"] = state.event_file;
  if (!state.unlogged.empty()) numbers["unlogged"] = state.unlogged;
  numbers["keys"] = contents.values;
  numbers["base_model_sha256"] = contents.base_sha256;
  numbers["tensors_sha256"] = sha256_of_file(folder + kTensors);
  write_file_atomically(folder + kNumbers, json_text(numbers, 1) + "\n");
}

CheckpointInfo read_checkpoint(const std::string& folder) {
  const std::string where = folder + kNumbers;
  const nlohmann::json numbers = read_json_object(where);
  CheckpointInfo info;
  std::string hash;
  info.folder = folder;
  try {
    info.state = state_of(numbers);
    numbers.at("updates").get_to(info.updates);
    numbers.at("layout").get_to(info.layout);
    info.values = numbers.value("keys", nlohmann::json());
    info.base_sha256 = numbers.value("base_model_sha256", "");
    hash = numbers.value("tensors_sha256", "");
  } catch (const nlohmann::json::exception&) {
    fail("[checkpoint] {} is damaged: a number is missing or has another type.", where);
  }
  const RunState& state = info.state;
  require(state.step >= 0 && state.phase >= 0 && state.phase_step >= 0 && info.updates >= 0 &&
              state.metrics_bytes >= 0 && state.event_bytes >= 0,
          "[checkpoint] {} is damaged: a count is negative.", where);
  require(state.event_file.find('/') == state.event_file.npos,
          "[checkpoint] {} is damaged: event_file is no name in the run's folder.", where);
  const std::string found = hash.empty() ? "" : sha256_of_file(folder + kTensors);
  require(found == hash, "[checkpoint] {}{} is damaged: its SHA-256 is {}, state.json has {}.",
          folder, kTensors, found.substr(0, 12), hash.substr(0, 12));
  info.has_adapter_config = std::filesystem::exists(folder + kAdapterConfig);
  return info;
}

std::optional<CheckpointInfo> find_checkpoint(const RunFolder& folder, const Note& note) {
  const std::vector<int64_t> steps = folder.checkpoints();
  for (size_t i = steps.size(); i-- > 0;) {
    try {
      return read_checkpoint(folder.checkpoint(steps[i]));
    } catch (const Error& error) {
      if (i == 0) throw;
      note(fmt::format("{} Going on from the checkpoint of step {}.", error.what(), steps[i - 1]));
    }
  }
  return std::nullopt;
}

RunState load_checkpoint(const CheckpointInfo& checkpoint, nn::Module& model,
                         nn::Optimizer& optimizer, sora::Method& method) {
  require(checkpoint.layout == layout_of(optimizer),
          "[checkpoint] {}: the trainable parameters are not those of this run; model or "
          "config.yaml have changed since.",
          checkpoint.folder);
  RunState state = checkpoint.state;
  const nn::Checkpoint file = nn::open_checkpoint(checkpoint.folder + kTensors);
  if (state.best_step > 0) state.best_values = Tensor::empty_like(optimizer.values());
  for (const auto& [name, tensor] : tensors_of(state.best_values, optimizer, method)) {
    restore(file, name, tensor);
  }
  for (nn::Parameter* parameter : frozen_parameters(checkpoint, model)) {
    const Tensor value = Tensor::empty_like(parameter->value());
    restore(file, std::string(kFrozen) + parameter->path(), value);
    parameter->assign(value);
  }
  optimizer.set_steps(checkpoint.updates);
  return state;
}

std::vector<nn::Parameter*> frozen_parameters(const CheckpointInfo& checkpoint, nn::Module& model) {
  std::vector<nn::Parameter*> parameters;
  const nn::Checkpoint file = nn::open_checkpoint(checkpoint.folder + kTensors);
  for (const nn::StoredTensor& tensor : file.tensors()) {
    if (!tensor.name.starts_with(kFrozen)) continue;
    nn::Parameter* parameter = model.find_parameter(tensor.name.substr(kFrozen.size()));
    require(parameter != nullptr, "[checkpoint] {}: the model has no parameter {}.", file.where(),
            shown(tensor.name));
    parameters.push_back(parameter);
  }
  return parameters;
}

}  // namespace soragrad::train
