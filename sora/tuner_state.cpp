// The state of a Tuner on disk: state.json for its place in training, state.safetensors for the
// optimizer's buffers and the method's tensors.
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/file.h"
#include "core/json.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/safetensors.h"
#include "sora/tensor_file.h"
#include "sora/tuner.h"

namespace soragrad::sora {
namespace {

constexpr const char* kNumbers = "state.json";
constexpr const char* kTensors = "state.safetensors";

nlohmann::json json_of(const nn::Schedule& schedule) {
  return {{"type", static_cast<int>(schedule.type)},
          {"warmup", schedule.warmup},
          {"steps", schedule.steps}};
}

nn::Schedule schedule_of(const nlohmann::json& json) {
  const int type = json.at("type").get<int>();
  require(type >= 0 && type <= static_cast<int>(nn::ScheduleType::constant_with_warmup),
          "[state] a schedule of type {} is not known; the file is damaged.", type);
  return {static_cast<nn::ScheduleType>(type), json.at("warmup").get<int64_t>(),
          json.at("steps").get<int64_t>()};
}

nlohmann::json json_of(const Phase& phase) {
  nlohmann::json json{{"steps", phase.steps},
                      {"schedule", json_of(phase.schedule)},
                      {"gate_schedule", json_of(phase.gate_schedule)}};
  if (phase.xi) json["xi"] = *phase.xi;
  return json;
}

Phase phase_of(const nlohmann::json& json) {
  Phase phase{.steps = json.at("steps").get<int64_t>(),
              .schedule = schedule_of(json.at("schedule")),
              .gate_schedule = schedule_of(json.at("gate_schedule")),
              .xi = {}};
  if (json.contains("xi")) phase.xi = json.at("xi").get<double>();
  return phase;
}

}  // namespace

std::vector<std::pair<std::string, Tensor>> Tuner::state() {
  const nn::Optimizer& optimizer = this->optimizer();
  std::vector<std::pair<std::string, Tensor>> tensors{
      {"values", optimizer.values()},
      {"first_moments", optimizer.first_moments()},
      {"second_moments", optimizer.second_moments()}};
  for (auto& [name, tensor] : method_->state()) tensors.emplace_back("method." + name, tensor);
  return tensors;
}

// A phase began phase_steps updates ago: its end follows from where training is.
void Tuner::resume_at(int64_t steps, const Phase& phase, int64_t phase_steps,
                      ThresholdSum thresholds) {
  begin_phase(phase);
  steps_ = steps;
  phase_steps_ = phase_steps;
  total_steps_ = steps - phase_steps + phase.steps;
  thresholds_ = thresholds;
  optimizer().set_steps(steps);
}

void Tuner::save_state(const std::filesystem::path& folder) {
  require_between_steps("save_state()");
  make_folders(folder);
  write_tensors(folder / kTensors, state());
  const nlohmann::json numbers{{"method", method_->name()},
                               {"layout", fmt::format("{:016x}", optimizer().layout_hash())},
                               {"steps", steps_},
                               {"phase", json_of(phase_)},
                               {"phase_steps", phase_steps_},
                               {"threshold_sum", thresholds_.sum},
                               {"threshold_per_xi", thresholds_.per_xi}};
  AtomicFile file(folder / kNumbers);
  file.write(json_text(numbers, 1) + "\n");
  file.commit();
}

void Tuner::load_state(const std::filesystem::path& folder) {
  require_between_steps("load_state()");
  const std::filesystem::path path = folder / kNumbers;
  const nlohmann::json numbers = read_json_object(path);
  const std::string where = path.string();
  std::string layout, method;
  int64_t steps = 0, phase_steps = 0;
  Phase phase;
  ThresholdSum thresholds;
  try {
    numbers.at("method").get_to(method);
    numbers.at("layout").get_to(layout);
    numbers.at("steps").get_to(steps);
    numbers.at("phase_steps").get_to(phase_steps);
    numbers.at("threshold_sum").get_to(thresholds.sum);
    numbers.at("threshold_per_xi").get_to(thresholds.per_xi);
    phase = phase_of(numbers.at("phase"));
  } catch (const nlohmann::json::exception&) {
    fail("[state] {} is damaged: a number is missing or has another type.", where);
  }
  require(method == method_->name(), "[state] {} is of method {}; this tuner's is {}.", where,
          quote(method), method_->name());
  require(layout == fmt::format("{:016x}", optimizer().layout_hash()),
          "[state] {}: the trainable parameters are not those of this tuner; model or method have "
          "changed since.",
          where);
  require(
      phase.steps >= 1 && phase_steps >= 0 && phase_steps <= phase.steps && steps >= phase_steps,
      "[state] {} is damaged: {} updates, {} of a phase of {}.", where, steps, phase_steps,
      phase.steps);
  read_tensors(folder / kTensors, state());
  resume_at(steps, phase, phase_steps, thresholds);
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
