// The steps of a run before it starts: its phases, their thresholds and learning rates. One phase
// without `schedule`; with it phase 0 and one for each further threshold of Algorithm 1.
#pragma once

#include <cstdint>
#include <vector>

#include "sora/tuner.h"
#include "train/config/config.h"

namespace soragrad::train {

struct Phase : sora::Phase {
  int64_t first_epoch = 0;  // of the sampler: every phase begins with a whole epoch
};

struct Plan {
  std::vector<Phase> phases;
  int64_t steps_per_epoch = 0;
  int64_t total_steps = 0;

  // The sampler's number of a step of a phase, which is counted from 0.
  int64_t sampler_step(int64_t phase, int64_t step) const {
    return phases[static_cast<size_t>(phase)].first_epoch * steps_per_epoch + step;
  }
};

// For a training set of `rows` rows. Throws UsageError if the run would have no or too many steps,
// or if adalora's tinit + tfinal leave none between them.
Plan make_plan(const Config& config, int64_t rows, int64_t steps_per_epoch);

}  // namespace soragrad::train
