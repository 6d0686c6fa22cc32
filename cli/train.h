// `soragrad train`: one run, from its configuration to its results.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "core/console.h"
#include "train/config/config.h"
#include "train/run/resume.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

struct TrainOptions {
  std::string config;                  // --config: a YAML file, or empty
  std::string resume;                  // --resume: a run folder, or empty
  std::string model;                   // --model, with --resume: where the base model is now
  bool dump_config = false;            // --dump-config
  std::string profile;                 // --profile: a file for the trace, or empty
  std::vector<std::string> arguments;  // key=value
};

// All three return the exit code: 0, or that of the interruption after which the run can be
// continued (train/loop/interrupt.h). Throw Error and UsageError.
int train_main(const TrainOptions& options);
struct StartOptions {
  std::string profile;                 // a file for the trace, or empty
  train::RunFolder* folder = nullptr;  // the run's, claimed before; null: it is made here
};
// One run of a resolved configuration, from its start; the summary goes to `print`.
int train_run(train::Config config, const Output& print, const StartOptions& options = {});
// Continues the run of a folder; nothing to do if it is complete.
int resume_run(const std::string& path, const Output& print,
               const train::ResumeRequest& request = {}, const std::string& profile_file = "");

// Throws, naming --model, if the base model of a run that goes on is not in its folder any more.
void require_base_there(const std::string& model);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
