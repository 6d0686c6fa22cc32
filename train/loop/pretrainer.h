// The loop of pre-training. One step, in this order: rate of the step; batches; forward and
// backward pass of each; gradient norm, clipping, update; the line of the log; validation and
// checkpoint where they are due.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/metrics.h"
#include "train/loop/pending_steps.h"
#include "train/loop/pretrain_session.h"
#include "train/loop/pretrain_step.h"
#include "train/loop/progress.h"
#include "train/loop/rescue.h"
#include "train/run/metrics_log.h"
#include "train/run/pretrain_state.h"
#include "train/run/run_folder.h"
#include "train/run/run_logs.h"

namespace soragrad::train {

class Pretrainer {
 public:
  // Goes on from the checkpoint (resume.h); without one the run begins at step 0.
  Pretrainer(PretrainSession& session, RunFolder& folder,
             const std::optional<PretrainCheckpoint>& checkpoint = {});

  // Trains to the end and saves a checkpoint of it. False: a request to stop came first, and a
  // checkpoint of its step is saved. An error leaves a checkpoint of the last good step (rescue.h).
  bool run();

  const PretrainState& state() const { return state_; }
  double first_step_seconds() const { return first_step_seconds_; }

 private:
  void train_steps();  // the loop
  void advance();      // one step
  // The passes of a step's batches: their losses (), a batch each, and what else they return.
  std::vector<PretrainOutcome> run_passes(const std::vector<data::MaskedBatch>& batches,
                                          std::vector<Tensor>& losses);
  void read_pending();  // into result_
  PretrainScores score(const std::vector<PretrainOutcome>& outcomes) const;
  bool logging_due() const;
  void log_step(double rate, int64_t tokens, double seconds);
  bool evaluation_due() const;
  void evaluate_now();
  void log_evaluation(const Evaluation& evaluation);
  void write_checkpoint();
  void resume_from(const PretrainCheckpoint& checkpoint);
  void note_warnings();
  Note note();  // a line beside the progress

  PretrainSession& session_;
  PretrainStep step_;
  RunFolder& folder_;
  PretrainState state_;
  std::unique_ptr<RunLogs> logs_;
  Progress progress_;
  PendingSteps pending_;
  ParameterState parameters_;
  StepResult result_;        // of the step read last
  int64_t saved_step_ = -1;  // of the newest checkpoint that this object wrote or read
  double first_step_seconds_ = 0;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
