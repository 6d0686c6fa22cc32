// What is left of a run that does not reach its end. Both training loops run inside run_guarded().
#pragma once

#include <cstdint>
#include <functional>

#include "train/run/note.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

// What is known of the parameters in memory while a loop runs.
struct ParameterState {
  bool is_consistent = true;  // those of the last finished step, and finite as far as is known
  bool is_diverged = false;   // the loss of the step after it is not finite
};

// A training loop, as run_guarded() sees it.
struct GuardedRun {
  const RunFolder& folder;
  const char* verb;                  // that resumes the run: "train", "pretrain"
  const ParameterState& parameters;  // read when an error arrives
  const int64_t& step;               // the last finished one
  std::function<void()> loop;        // trains to the end
  std::function<void()> save;        // writes a checkpoint of the last finished step
  Note note;
};

// Runs the loop. True: it reached its end. A request to stop (interrupt.h) saves a checkpoint, and
// the result is false. An error is thrown on, and before that saves a checkpoint of the last
// finished step with a line that tells how to go on. If the parameters are not those of a finished
// step or not finite, the checkpoint before stays the newest.
bool run_guarded(const GuardedRun& run);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
