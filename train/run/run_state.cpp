#include "train/run/run_state.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/sha256.h"
#include "core/text.h"
#include "nn/checkpoint/checkpoint.h"
#include "sora/tensor_file.h"
#include "train/run/checkpoint_files.h"
#include "train/run/checkpoint_gpu.h"

namespace soragrad::train {

namespace {

constexpr const char* kAdapterConfig = "/adapter_config.json";
constexpr std::string_view kFrozen = "frozen.";

sora::NamedTensors tensors_of(const RunState& state, sora::Tuner& tuner) {
  sora::NamedTensors tensors = tuner.state();
  if (state.best_values.defined()) tensors.emplace_back("best_values", state.best_values);
  return tensors;
}

std::string layout_of(sora::Tuner& tuner) {
  return fmt::format("{:016x}", tuner.optimizer().layout_hash());
}

// What is frozen and does not come from the base model, under names of the checkpoint.
std::string frozen_name(const nn::Parameter& parameter) {
  return std::string(kFrozen) + parameter.path();
}

// Calls visit(name, member) for every number of a state; the one list that reading and writing
// share.
template <typename State, typename Visit>
void for_each_number(State& state, Visit&& visit) {
  visit("step", state.step);
  visit("phase", state.phase);
  visit("phase_step", state.phase_step);
  visit("phase_ended", state.phase_ended);
  visit("evaluation_due", state.evaluation_due);
  visit("best_step", state.best_step);
  visit("best_value", state.best_value);
  visit("waited", state.waited);
  visit("best_validation", state.best_validation);
  visit("last_validation", state.last_validation);
  visit("phases", state.phases);
  visit("tokens", state.tokens);
  visit("seconds", state.seconds);
  visit("step_seconds", state.step_seconds);
}

RunState state_of(const nlohmann::json& numbers, const std::string& where) {
  RunState state;
  for_each_number(state, [&](const char* name, auto& member) { numbers.at(name).get_to(member); });
  state.thresholds.sum = numbers.value("threshold_sum", 0.0);
  state.thresholds.per_xi = numbers.value("threshold_per_xi", 0.0);
  state.logs = read_log_state(numbers, where);
  return state;
}

}  // namespace

void save_checkpoint(const std::string& folder, const CheckpointContents& contents) {
  const RunState& state = contents.state;
  sora::NamedTensors tensors = tensors_of(state, contents.tuner);
  for (const nn::Parameter* parameter : contents.frozen) {
    tensors.emplace_back(frozen_name(*parameter), parameter->value());
  }
  sora::write_tensors(folder + kTensors, tensors);
  if (contents.adapter) {
    sora::save_adapter_config(folder, contents.adapter->method, contents.adapter->info);
  }
  nlohmann::json numbers;
  for_each_number(state, [&](const char* name, const auto& member) { numbers[name] = member; });
  numbers["layout"] = layout_of(contents.tuner);
  numbers["threshold_sum"] = contents.tuner.thresholds().sum;
  numbers["threshold_per_xi"] = contents.tuner.thresholds().per_xi;
  write_log_state(state.logs, numbers);
  numbers["keys"] = contents.values;
  numbers["base_model_sha256"] = contents.base_sha256;
  write_gpu(contents.tuner.optimizer().values().device(), numbers);
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
    info.state = state_of(numbers, where);
    numbers.at("layout").get_to(info.layout);
    info.values = numbers.value("keys", nlohmann::json());
    info.base_sha256 = numbers.value("base_model_sha256", "");
    info.gpu = read_gpu(numbers);
    hash = numbers.value("tensors_sha256", "");
  } catch (const nlohmann::json::exception&) {
    fail("[checkpoint] {} is damaged: a number is missing or has another type.", where);
  }
  const RunState& state = info.state;
  require(state.step >= 0 && state.phase >= 0 && state.phase_step >= 0,
          "[checkpoint] {} is damaged: a count is negative.", where);
  if (!hash.empty()) require_tensors(folder, hash);  // old checkpoints have none
  info.has_adapter_config = std::filesystem::exists(folder + kAdapterConfig);
  return info;
}

std::optional<CheckpointInfo> find_checkpoint(const RunFolder& folder, const Note& note) {
  return newest_checkpoint(folder, note, read_checkpoint);
}

RunState load_checkpoint(const CheckpointInfo& checkpoint, nn::Module& model, sora::Tuner& tuner) {
  require(checkpoint.layout == layout_of(tuner),
          "[checkpoint] {}: the trainable parameters are not those of this run; model or "
          "config.yaml have changed since.",
          checkpoint.folder);
  RunState state = checkpoint.state;
  if (state.best_step > 0) {
    state.best_values = Tensor::empty_like(tuner.optimizer().values());
  }
  sora::NamedTensors tensors = tensors_of(state, tuner);
  const std::vector<nn::Parameter*> frozen = frozen_parameters(checkpoint, model);
  for (nn::Parameter* parameter : frozen) {
    parameter->assign(
        Tensor::empty_like(parameter->value()));  // the base model's is not written to
    tensors.emplace_back(frozen_name(*parameter), parameter->value());
  }
  sora::read_tensors(checkpoint.folder + kTensors, tensors);
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

// SPDX-License-Identifier: Apache-2.0
