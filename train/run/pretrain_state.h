// Everything of a pre-training run that changes from step to step, and its checkpoint:
//   state.json         numbers, the keys that the steps were made with, the hash of the tensors
//   state.safetensors  flat parameter values, Adam moments, and where the corpus is read
// Random numbers are functions of the step and need no state.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "nn/optim/optimizer.h"
#include "sora/tensor_file.h"
#include "train/run/note.h"
#include "train/run/run_folder.h"
#include "train/run/run_logs.h"

namespace soragrad::train {

// Means of a step.
struct PretrainScores {
  double loss = 0, mlm_loss = 0, rtd_loss = 0;
  double mlm_accuracy = 0;    // share of predicted positions whose largest logit is the label's
  double rtd_accuracy = 0;    // share of all tokens
  double replaced_share = 0;  // of all tokens
};

struct PretrainState {
  int64_t step = 0;             // finished
  bool evaluation_due = false;  // the step is done, its validation is not
  int64_t tokens = 0;           // of all steps
  double seconds = 0;           // in steps and validations, over all sessions
  double step_seconds = 0;      // in steps alone
  PretrainScores scores;        // of the step that was read last
  nlohmann::json validation = nlohmann::json::object();  // metrics of the newest validation
  LogState logs;
};

// What save_pretrain_checkpoint() writes.
struct PretrainContents {
  const PretrainState& state;
  const nn::Optimizer& optimizer;
  sora::NamedTensors corpus;  // tell how far the corpus has been read
  nlohmann::json values;      // recorded_values() (changed_keys.h)
};

void save_pretrain_checkpoint(const std::string& folder, const PretrainContents& contents);

// A checkpoint whose tensors have the hash that its numbers name.
struct PretrainCheckpoint {
  std::string folder;
  PretrainState state;
  int64_t updates = 0;
  std::string layout;     // of the trainable parameters
  nlohmann::json values;  // recorded_values() of the run; null in old checkpoints
  std::string gpu;        // of the last step (checkpoint_gpu.h); empty if that ran on the CPU

  std::string tensors() const { return folder + "/state.safetensors"; }
};

// The newest checkpoint of the run that is not damaged, with a line for each newer one that is;
// nothing if the run has no checkpoint. Throws if all are damaged.
std::optional<PretrainCheckpoint> find_pretrain_checkpoint(const RunFolder& folder,
                                                           const Note& note);
// Gives the optimizer the checkpoint's values and moments. Throws if it is of other parameters.
void restore(const PretrainCheckpoint& checkpoint, nn::Optimizer& optimizer);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
