// What has become of the runs of a grid.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/grid/run_cost.h"
#include "train/grid/run_error.h"
#include "train/recipe/recipe.h"
#include "train/run/lease.h"

namespace soragrad::train {

enum class RunPhase { done, running, failed, left };

struct RunStatus {
  RunPhase phase = RunPhase::left;
  std::optional<LeaseHolder> holder;  // running
  std::optional<RunError> error;      // failed
  int64_t step = 0;                   // logged last; 0: none
  double share = 0;                   // of the run that is done, as far as its log tells
};
RunStatus status_of(const Config& config, const GridRun& run);

// Counts and lines for people: done; running where, with steps; failed, with the first error; left,
// costliest first; the time it will take.
std::string status_text(const Recipe& recipe, const std::vector<GridRun>& runs);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
