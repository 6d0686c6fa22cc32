#include "train/run/run_state.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/safetensors.h"

namespace soragrad::train {

namespace {

constexpr const char* kNumbers = "/state.json";
constexpr const char* kTensors = "/state.safetensors";

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

}  // namespace

void save_checkpoint(const std::string& folder, const RunState& state,
                     const nn::Optimizer& optimizer, sora::Method& method) {
  std::vector<Tensor> kept;  // host copies live until the file is written
  nn::SafetensorsWriter writer;
  for (const auto& [name, tensor] : tensors_of(state.best_values, optimizer, method)) {
    kept.push_back(tensor.to(Device::cpu));
    writer.add(name, tensor.dtype(), tensor.shape().sizes(), {kept.back().raw(), tensor.bytes()});
  }
  writer.write(folder + kTensors);

  nlohmann::json numbers;
  numbers["step"] = state.step;
  numbers["updates"] = optimizer.steps();
  numbers["layout"] = fmt::format("{:016x}", optimizer.layout_hash());
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
  write_file_atomically(folder + kNumbers, json_text(numbers, 1) + "\n");
}

RunState load_checkpoint(const std::string& folder, nn::Optimizer& optimizer,
                         sora::Method& method) {
  const std::string where = folder + kNumbers;
  const nlohmann::json numbers = read_json_object(where);
  RunState state;
  int64_t updates = 0;
  std::string layout;
  try {
    numbers.at("step").get_to(state.step);
    numbers.at("updates").get_to(updates);
    numbers.at("layout").get_to(layout);
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
  } catch (const nlohmann::json::exception& error) {
    fail("[checkpoint] {} is damaged: {}.", where, error.what());
  }
  require(state.step >= 0 && state.phase >= 0 && state.phase_step >= 0 && updates >= 0 &&
              state.metrics_bytes >= 0 && state.event_bytes >= 0,
          "[checkpoint] {} is damaged: a count is negative.", where);
  require(layout == fmt::format("{:016x}", optimizer.layout_hash()),
          "[checkpoint] {}: the trainable parameters are not those of this run; model or "
          "config.yaml have changed since.",
          where);

  const nn::Checkpoint file = nn::open_checkpoint(folder + kTensors);
  if (state.best_step > 0) state.best_values = Tensor::empty_like(optimizer.values());
  for (const auto& [name, tensor] : tensors_of(state.best_values, optimizer, method)) {
    restore(file, name, tensor);
  }
  optimizer.set_steps(updates);
  return state;
}

}  // namespace soragrad::train
