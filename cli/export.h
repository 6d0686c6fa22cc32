// `soragrad export`: a trained run in a form that others read.
#pragma once

#include <string>

namespace soragrad::cli {

struct ExportOptions {
  std::string run;     // --run: a run folder
  std::string model;   // --model: where its base model is now; empty: as the run has it
  std::string format;  // --format: peft, merged or pruned
  std::string output;  // --output: a folder that does not exist yet, or is empty
  int64_t phase = -1;  // --phase of a run with `schedule`
};

int export_main(const ExportOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
