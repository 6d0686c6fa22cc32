// A worker of a grid: does run after run that nobody has done or is doing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/recipe/recipe.h"

namespace soragrad::cli {

struct Work {
  const train::Recipe& recipe;
  const std::vector<train::GridRun>& runs;
  std::vector<size_t> order;  // indices of the runs to do, first to last
  // At the end, watch the runs of other workers until each has shown a sign of life, and take over
  // those of workers that are dead.
  bool takes_over = false;
};

struct WorkDone {
  int exit_code = 0;  // of an interruption; 0: no run is left to do
  int64_t failed = 0;
};

// A run that fails is noted in its folder (train/grid/run_error.h), and the next one is begun. One
// that has failed since the call is not tried again. Throws RunIsLost if another worker has taken
// this one's run over.
WorkDone do_runs(const Work& work);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
