// The runs of a grid that are left, as work for another program: plain lines, or a job script of
// Slurm, GNU parallel or HyperQueue. Each item is one run by `soragrad table ... --worker`, which
// begins or resumes it and leaves it alone if another worker has it. A script gives a run the time
// to save (SIGUSR1, 120 s before its end) and runs it again after exit code 75.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace soragrad::train {

struct EmitRequest {
  std::string engine;                  // tasks, slurm, parallel or hq
  std::string program;                 // absolute path of soragrad
  std::string folder;                  // where its relative paths begin
  std::string recipe;                  // absolute path
  std::vector<std::string> arguments;  // key=value, over the recipe's; not `output`
  std::string output;                  // absolute path of the grid's folder
  std::vector<std::string> runs;       // names of those that are left, costliest first
  int64_t at_once = 0;                 // most runs at a time
  int64_t threads = 0;                 // cores of a run
};

// Throws UsageError for another engine.
std::string emit_text(const EmitRequest& request);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
