// The training loop. One step, in this order: rates of the step; forward and backward of the task's
// loss over the step's batches and of the method's regularizer; gradient norm and clipping; update,
// proximal step; what the method does after it (adalora's masks); the line of the log; evaluation
// and checkpoint where they are due.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/loop/pending_steps.h"
#include "train/loop/progress.h"
#include "train/loop/rescue.h"
#include "train/loop/session.h"
#include "train/loop/train_step.h"
#include "train/run/gate_log.h"
#include "train/run/metrics_log.h"
#include "train/run/run_folder.h"
#include "train/run/run_logs.h"
#include "train/run/run_state.h"

namespace soragrad::train {

// Called with the records of all finished phases whenever one has ended.
using OnPhase = std::function<void(const nlohmann::json& records)>;

class Trainer {
 public:
  // Goes on from the checkpoint of the session, if it has one.
  Trainer(Session& session, RunFolder& folder, OnPhase on_phase = {});

  // Trains to the end and saves a checkpoint of it. False: a request to stop came first, and a
  // checkpoint of its step is saved. An error leaves a checkpoint of the last good step (rescue.h).
  bool run();

  const RunState& state() const { return state_; }
  double first_step_seconds() const { return first_step_seconds_; }
  double session_seconds() const { return state_.seconds - seconds_before_; }
  int64_t session_tokens() const { return state_.tokens - tokens_before_; }

 private:
  // What the passes of a step leave behind.
  struct Losses {
    std::vector<Tensor> task;  // (), a batch each
    int64_t tokens = 0;
  };

  void train_phases();  // the loop
  void advance();       // one step
  Losses accumulate(int64_t sampler_step);
  void require_finite(const Losses& losses);
  void read_pending();  // into result_
  // Whether the step just done is read at once: always on the CPU, where reading does not wait.
  bool reading_due() const;
  bool logging_due() const;
  void log_step(int64_t tokens);
  void log_gates();
  bool evaluation_due() const;
  void evaluate_now();
  // Writes evaluation.json, if results.json will have the metrics of this evaluation.
  void keep_evaluation(const std::vector<Evaluation>& results,
                       const std::vector<std::vector<float>>& logits, bool is_best);
  void log_evaluation(const std::vector<Evaluation>& results, bool is_best);
  double score(const Evaluation& evaluation) const;  // metric_for_best_model; larger is better
  bool better(const Evaluation& evaluation) const;   // than the best so far
  void judge(const Evaluation& evaluation, bool is_best);  // keeps the best; stops early
  void warn_of_undefined_best();
  void end_phase();
  nlohmann::json phase_record();  // of the phase that ends: sparsity and metrics
  void save_checkpoint_now();
  void write_checkpoint();
  void open_logs();
  void restore();
  Note note();  // a line beside the progress
  int64_t phase_steps() const;

  Session& session_;
  RunFolder& folder_;
  OnPhase on_phase_;
  RunState state_;
  std::unique_ptr<RunLogs> logs_;
  std::unique_ptr<GateLog> gates_;  // null: the method has no gates
  TrainStep train_step_;
  Progress progress_;
  PendingSteps pending_;
  StepResult result_;         // of the step read last
  int64_t unread_steps_ = 0;  // since then, with their tokens, seconds and launches
  int64_t unread_tokens_ = 0;
  int64_t unread_launches_ = 0;
  double unread_seconds_ = 0;
  int64_t saved_step_ = -1;  // of the newest checkpoint that this object wrote or read
  ParameterState parameters_;
  std::vector<nn::Parameter*> frozen_;  // saved too: neither trained nor the base model's
  double sparsity_ = -1;
  double first_step_seconds_ = 0;
  double seconds_before_ = 0;  // of sessions before this one
  int64_t tokens_before_ = 0;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
