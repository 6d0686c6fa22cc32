// `soragrad train`: one run, from its configuration to its results.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "core/console.h"
#include "train/config/config.h"

namespace soragrad::cli {

struct TrainOptions {
  std::string config;                  // --config: a YAML file, or empty
  std::string resume;                  // --resume: a run folder, or empty
  bool dump_config = false;            // --dump-config
  std::string profile;                 // --profile: a file for the trace, or empty
  std::vector<std::string> arguments;  // key=value
};

// Returns the exit code: 0, or 128 + the signal that stopped the run. Throws Error and UsageError.
int train_main(const TrainOptions& options);
// Paths as a run's own config.yaml has them: the same from every folder.
void make_absolute(train::Config& config);
// One run of a resolved configuration, from its start; `print` takes the summary.
int train_run(train::Config config, const Output& print, const std::string& profile = "");
// Continues the run of a folder; nothing to do where it is complete.
int resume_run(const std::string& folder, const Output& print, const std::string& profile = "");

}  // namespace soragrad::cli
