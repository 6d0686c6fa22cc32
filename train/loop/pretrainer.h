// The loop of pre-training. One step, in this order: rate of the step; batches; forward and
// backward pass of each; gradient norm, clipping, update; the line of the log; validation and
// checkpoint where they are due.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/metrics.h"
#include "train/loop/pending_steps.h"
#include "train/loop/pretrain_session.h"
#include "train/loop/progress.h"
#include "train/run/event_file.h"
#include "train/run/pretrain_state.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

// Means of a step or of a validation.
struct PretrainScores {
  double loss = 0, mlm_loss = 0, rtd_loss = 0;
  double mlm_accuracy = 0;    // share of predicted positions whose largest logit is the label's
  double rtd_accuracy = 0;    // share of all tokens
  double replaced_share = 0;  // of all tokens
};

class Pretrainer {
 public:
  // Goes on from the newest checkpoint of the folder that is not damaged, if `resume` is set and
  // there is one.
  Pretrainer(PretrainSession& session, RunFolder& folder, bool resume);

  // Trains to the end, or until a request to stop arrives: then a checkpoint is saved and the
  // result is false.
  bool run();

  const PretrainState& state() const { return state_; }
  const PretrainScores& scores() const { return scores_; }  // of the step logged last
  double first_step_seconds() const { return first_step_seconds_; }

 private:
  // What one batch leaves behind, not yet read: reading waits for a GPU.
  struct Outcome {
    models::PretrainingOutput output;
    int64_t tokens = 0, predicted = 0;
  };

  void advance();
  Outcome run_batch(const data::MaskedBatch& batch, const nn::Pass& pass);
  PretrainScores score(const std::vector<Outcome>& outcomes) const;
  bool logging_due() const;
  void log_step(double rate, int64_t tokens, double seconds);
  bool evaluation_due() const;
  void evaluate_now();
  void save_checkpoint_now();
  void resume_from(const PretrainCheckpoint& checkpoint);
  void note_warnings();

  PretrainSession& session_;
  RunFolder& folder_;
  PretrainState state_;
  PretrainScores scores_;
  std::unique_ptr<AppendFile> metrics_;
  std::unique_ptr<EventFile> events_;
  Progress progress_;
  PendingSteps pending_;
  StepResult result_;       // of the step read last
  int64_t saved_step_ = 0;  // of the newest checkpoint
  double first_step_seconds_ = 0;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
