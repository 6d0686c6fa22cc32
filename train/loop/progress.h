// What a person sees while a run goes on, on stderr: on a terminal one line that rewrites itself,
// elsewhere a plain line now and then, so that logs of batch systems stay short.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace soragrad::train {

struct StepView {
  int64_t step = 0;   // finished
  int64_t total = 0;  // of the run
  double loss = 0, learning_rate = 0;
  double sparsity = -1;  // below 0: the method has none
  int64_t tokens = 0;    // of the step
  double seconds = 0;    // of the step
  bool logged = false;   // this step has a line in metrics.jsonl
};

class Progress {
 public:
  explicit Progress(bool terminal);  // whether lines may be rewritten
  ~Progress();

  void start_at(int64_t step) { first_step_ = step; }  // a run that goes on

  void step(const StepView& view);
  // A line that stays: an evaluation, a saved checkpoint, a warning.
  void note(const std::string& text);

  // Whether stderr is a terminal that can rewrite lines.
  static bool is_terminal();

 private:
  using Clock = std::chrono::steady_clock;

  bool terminal_;
  bool drawn_ = false;
  int64_t first_step_ = 0;
  double recent_tokens_ = 0;  // tokens and seconds, decayed: the rate now
  double recent_seconds_ = 0;
  Clock::time_point start_, last_print_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
