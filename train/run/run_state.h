// Everything of a run that changes from step to step, and its checkpoint: state.json for numbers,
// state.safetensors for flat parameter values, Adam moments, the best values and the method's own
// tensors. Random numbers and the order of rows are functions of the step and need no state.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

#include "core/tensor.h"
#include "sora/tuner.h"

namespace soragrad::train {

struct RunState {
  int64_t step = 0;             // finished, over all phases
  int64_t phase = 0;            // the current one
  int64_t phase_step = 0;       // finished steps of it
  bool phase_ended = false;     // stopped early: no further step in this phase
  bool evaluation_due = false;  // the step is done, its evaluation is not

  int64_t best_step = 0;                            // 0: none yet
  double best_value = 0;                            // of metric_for_best_model
  Tensor best_values;                               // flat parameters at best_step
  int64_t waited = 0;                               // evaluations since the best one
  nlohmann::json best_validation, last_validation;  // {"validation": {..}, "validation_mm": {..}}
  nlohmann::json phases = nlohmann::json::array();  // a record for each finished phase

  int64_t tokens = 0;                          // real tokens of all steps
  double seconds = 0;                          // in steps and evaluations, over all sessions
  double step_seconds = 0;                     // in steps alone
  int64_t metrics_bytes = 0, event_bytes = 0;  // lengths of the logs
};

void save_checkpoint(const std::string& folder, const RunState& state, sora::Tuner& tuner);
// Fills the tuner's tensors too; its place in training is the caller's to set (resume_at()). Throws
// if the checkpoint is damaged or of other parameters.
RunState load_checkpoint(const std::string& folder, sora::Tuner& tuner);

}  // namespace soragrad::train
