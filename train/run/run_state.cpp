#include "train/run/run_state.h"

#include "core/error.h"
#include "core/file.h"
#include "nn/json_file.h"
#include "sora/tensor_file.h"

namespace soragrad::train {

namespace {

constexpr const char* kNumbers = "/state.json";
constexpr const char* kTensors = "/state.safetensors";

sora::NamedTensors tensors_of(const RunState& state, sora::Tuner& tuner) {
  sora::NamedTensors tensors = tuner.state();
  if (state.best_values.defined()) tensors.emplace_back("best_values", state.best_values);
  return tensors;
}

}  // namespace

void save_checkpoint(const std::string& folder, const RunState& state, sora::Tuner& tuner) {
  sora::write_tensors(folder + kTensors, tensors_of(state, tuner));

  nlohmann::json numbers;
  numbers["step"] = state.step;
  numbers["layout"] = fmt::format("{:016x}", tuner.optimizer().layout_hash());
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
  write_file_atomically(folder + kNumbers, numbers.dump(1) + "\n");
}

RunState load_checkpoint(const std::string& folder, sora::Tuner& tuner) {
  const std::string where = folder + kNumbers;
  const nlohmann::json numbers = nn::read_json_object(where);
  RunState state;
  std::string layout;
  try {
    numbers.at("step").get_to(state.step);
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
  require(state.step >= 0 && state.phase >= 0 && state.phase_step >= 0 &&
              state.metrics_bytes >= 0 && state.event_bytes >= 0,
          "[checkpoint] {} is damaged: a count is negative.", where);
  require(layout == fmt::format("{:016x}", tuner.optimizer().layout_hash()),
          "[checkpoint] {}: the trainable parameters are not those of this run; model or "
          "config.yaml have changed since.",
          where);

  if (state.best_step > 0) {
    state.best_values = Tensor::empty_like(tuner.optimizer().values());
  }
  sora::read_tensors(folder + kTensors, tensors_of(state, tuner));
  return state;
}

}  // namespace soragrad::train
