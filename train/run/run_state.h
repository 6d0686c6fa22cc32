// Everything of a run that changes from step to step, and its checkpoint, which needs nothing
// beside itself but the base model:
//   state.json         numbers, the keys that the steps were made with, the hash of the tensors
//   state.safetensors  flat parameter values, Adam moments, the best values, the method's tensors,
//                      and frozen parameters that the base model does not have ("frozen.NAME")
//   adapter_config.json  of a run that began from an adapter: its modules and ranks
// Random numbers and the order of rows are functions of the step and need no state.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/tensor.h"
#include "nn/module.h"
#include "sora/adapter_file.h"
#include "sora/tuner.h"
#include "train/run/note.h"
#include "train/run/run_folder.h"
#include "train/run/run_logs.h"

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

  sora::ThresholdSum thresholds;  // of the gates, over all steps
  int64_t tokens = 0;             // real tokens of all steps
  double seconds = 0;             // in steps and evaluations, over all sessions
  double step_seconds = 0;        // in steps alone
  LogState logs;
};

// What a checkpoint holds before a model is there to take its tensors.
struct CheckpointInfo {
  std::string folder;
  RunState state;           // without best_values
  std::string layout;       // of the trainable parameters
  nlohmann::json values;    // recorded_values() of the run; null in old checkpoints
  std::string base_sha256;  // of the base model; empty in old checkpoints
  std::string gpu;          // of the last step (checkpoint_gpu.h); empty if that ran on the CPU
  bool has_adapter_config = false;
};

// What save_checkpoint() writes beside the state.
struct CheckpointContents {
  const RunState& state;
  sora::Tuner& tuner;
  std::span<nn::Parameter* const> frozen;  // parameters that neither train nor come from the base
  nlohmann::json values;                   // recorded_values()
  std::string base_sha256;
  const sora::AdapterConfig* adapter = nullptr;  // of a run that began from an adapter, else null
};

void save_checkpoint(const std::string& folder, const CheckpointContents& contents);

// Reads the numbers and checks the hash of the tensors. Throws if the checkpoint is damaged.
CheckpointInfo read_checkpoint(const std::string& folder);
// The newest checkpoint of the run that is not damaged, with a line for each newer one that is;
// nothing if the run has no checkpoint. Throws if all are damaged.
std::optional<CheckpointInfo> find_checkpoint(const RunFolder& folder, const Note& note);
// Gives model and tuner the checkpoint's tensors; the tuner's place in training is the caller's to
// set (resume_at()). Throws if the checkpoint is of other parameters.
RunState load_checkpoint(const CheckpointInfo& checkpoint, nn::Module& model, sora::Tuner& tuner);
// The frozen parameters of the model whose values the checkpoint holds.
std::vector<nn::Parameter*> frozen_parameters(const CheckpointInfo& checkpoint, nn::Module& model);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
