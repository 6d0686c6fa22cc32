// The steps of a run before it starts: its phases, their thresholds and learning rates. One phase
// without `schedule`; with it phase 0 and one for each further threshold of Algorithm 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/optim/optimizer.h"
#include "nn/optim/schedule.h"
#include "train/config/config.h"

namespace soragrad::train {

// With `schedule` every phase is also measured on a sample of the training rows:
// Dataset.shuffle(seed=42).select(range(1000)) of Hugging Face's datasets.
constexpr int64_t kTrainSampleRows = 1000;
constexpr uint32_t kTrainSampleSeed = 42;

struct Phase {
  int64_t steps = 0;
  double xi = 0;
  int64_t first_epoch = 0;  // of the sampler: every phase begins with a whole epoch
  bool zero_rates = false;  // a later phase with restart_lr=false
  nn::Schedule main, gates;
};

struct Plan {
  std::vector<Phase> phases;
  int64_t steps_per_epoch = 0;
  int64_t total_steps = 0;

  // Rates and threshold of the step of a phase, counted from 0.
  nn::StepRates rates(const Config& config, int64_t phase, int64_t step) const;
  // What the sampler calls that step.
  int64_t sampler_step(int64_t phase, int64_t step) const {
    return phases[static_cast<size_t>(phase)].first_epoch * steps_per_epoch + step;
  }
};

// The metric that compares the phases: metric_for_best_model, or the task's first metric if that is
// the loss.
std::string path_metric(const Config& config);

// For a training set of `rows` rows. Throws UsageError where the run would have no or too many
// steps, or where adalora's tinit + tfinal leave none between them.
Plan make_plan(const Config& config, int64_t rows, int64_t steps_per_epoch);

}  // namespace soragrad::train
