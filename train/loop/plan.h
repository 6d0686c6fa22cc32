// The steps of a run before it starts: its phases, their thresholds and learning rates. One phase
// without `schedule`; with it phase 0 and one for each further threshold of Algorithm 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sora/tuner.h"
#include "train/config/config.h"

namespace soragrad::train {

// With `schedule` every phase is also measured on a sample of the training rows:
// Dataset.shuffle(seed=42).select(range(1000)) of Hugging Face's datasets.
constexpr int64_t kTrainSampleRows = 1000;
constexpr uint32_t kTrainSampleSeed = 42;

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

// The metric that compares the phases: metric_for_best_model, or the task's first metric if that is
// the loss.
std::string path_metric(const Config& config);

// For a training set of `rows` rows. Throws UsageError if the run would have no or too many steps,
// or if adalora's tinit + tfinal leave none between them.
Plan make_plan(const Config& config, int64_t rows, int64_t steps_per_epoch);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
