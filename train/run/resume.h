// Continuing a run: its configuration, with what the command line changes on purpose, and the
// checkpoint it goes on from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/config/config.h"
#include "train/run/changed_keys.h"
#include "train/run/note.h"
#include "train/run/pretrain_state.h"
#include "train/run/run_folder.h"
#include "train/run/run_state.h"

namespace soragrad::train {

struct ResumeRequest {
  std::vector<std::string> arguments;  // key=value: hold from the checkpoint's step on
  std::string model;                   // where the base model is now; empty: as in config.yaml
};

template <typename Checkpoint>
struct ResumeOf {
  Config config;                         // of the run from here on
  std::optional<Checkpoint> checkpoint;  // nothing: the run begins at step 0
  bool complete = false;                 // the run has its results, and nothing was asked for
};
using Resume = ResumeOf<CheckpointInfo>;
using PretrainResume = ResumeOf<PretrainCheckpoint>;

// Reads the run and decides how it goes on. Values of config.yaml that differ from the checkpoint's
// are refused unless the request names their keys or an earlier resume recorded them; max_steps and
// num_train_epochs may be edited there. Writes config.yaml anew if it changes, with a line for each
// key that changed, and moves results.json aside if a finished run is extended.
// The folder must be locked. Throws UsageError for a key that cannot change.
Resume prepare_resume(const RunFolder& folder, const ResumeRequest& request, const Note& note);
PretrainResume prepare_pretrain_resume(const RunFolder& folder, const ResumeRequest& request,
                                       const Note& note);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
