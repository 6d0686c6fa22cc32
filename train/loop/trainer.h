// The training loop. One step, in this order: rates of the step; forward and backward of the task's
// loss over the step's batches and of the method's regularizer; gradient norm and clipping; update,
// proximal step; what the method does after it (adalora's masks); the line of the log; evaluation
// and checkpoint where they are due.
#pragma once

#include <cstdint>
#include <string>

#include "train/loop/pending_steps.h"
#include "train/loop/progress.h"
#include "train/loop/session.h"
#include "train/loop/train_step.h"
#include "train/run/event_file.h"
#include "train/run/metrics_log.h"
#include "train/run/run_folder.h"
#include "train/run/run_state.h"

namespace soragrad::train {

class Trainer {
 public:
  // Goes on from the newest checkpoint of the folder where there is one and `resume` says so.
  Trainer(Session& session, RunFolder& folder, bool resume);

  // Trains to the end, or until a signal has been caught: then a checkpoint is saved and the result
  // is false.
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

  void advance();  // one step
  Losses accumulate(int64_t sampler_step);
  // Whether the step just done is read at once: always on the CPU, where reading does not wait.
  bool reading_due() const;
  bool logging_due() const;
  void log_step(int64_t tokens);
  bool evaluation_due() const;
  void evaluate_now();
  void judge(const Evaluation& evaluation);  // best so far? stop early?
  void end_phase();
  nlohmann::json phase_record();  // of the phase that ends: sparsity and metrics
  void save_checkpoint_now();
  int64_t phase_steps() const;

  Session& session_;
  RunFolder& folder_;
  RunState state_;
  std::unique_ptr<AppendFile> metrics_;
  std::unique_ptr<EventFile> events_;
  TrainStep train_step_;
  Progress progress_;
  PendingSteps pending_;
  StepResult result_;         // of the step read last
  int64_t unread_steps_ = 0;  // since then, with their tokens, seconds and launches
  int64_t unread_tokens_ = 0;
  int64_t unread_launches_ = 0;
  double unread_seconds_ = 0;
  double sparsity_ = -1;
  double first_step_seconds_ = 0;
  double seconds_before_ = 0;  // of sessions before this one
  int64_t tokens_before_ = 0;
};

}  // namespace soragrad::train
