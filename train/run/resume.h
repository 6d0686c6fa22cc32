// Continuing a run: its configuration, with what the command line changes on purpose, and the
// checkpoint it goes on from.
#pragma once

#include <cstdint>
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

// What the run's folder is to show of the resume, once it has succeeded.
struct ResumeRecord {
  int64_t step = 0;                // of the checkpoint
  std::string config;              // text of config.yaml; empty: it stays as it is
  std::vector<std::string> lines;  // to print: one for each key that changes
};

template <typename Checkpoint>
struct ResumeOf {
  Config config;                         // of the run from here on
  std::optional<Checkpoint> checkpoint;  // nothing: the run begins at step 0
  bool complete = false;                 // the run has its results, and nothing was asked for
  ResumeRecord record;
};
using Resume = ResumeOf<CheckpointInfo>;
using PretrainResume = ResumeOf<PretrainCheckpoint>;

// Reads the run and decides how it goes on. Values of config.yaml that differ from the checkpoint's
// are refused unless the request names their keys or an earlier resume recorded them; max_steps and
// num_train_epochs may be edited there. Changes nothing in the folder, which must be locked.
// Throws UsageError for a key that cannot change.
Resume prepare_resume(const RunFolder& folder, const ResumeRequest& request, const Note& note);
PretrainResume prepare_pretrain_resume(const RunFolder& folder, const ResumeRequest& request,
                                       const Note& note);

// To be called when data, model and checkpoint have been read, so that a refused resume leaves the
// run as it was: writes config.yaml anew if it changes, with a line for each key that changed, and
// moves the results of a finished run aside.
void write_record(const RunFolder& folder, const ResumeRecord& record, const Note& note);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
