// metrics.jsonl: a line for each logged step and each evaluation, with 9 significant digits.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/metrics.h"

namespace soragrad::train {

// What an evaluation of a split found.
struct Evaluation {
  data::Metrics metrics;  // the task's, in its order
  double loss = 0;        // mean over the rows
};

struct StepRecord {
  int64_t step = 0;
  double epoch = 0;
  double loss = 0;         // of the task, before the update
  double regularizer = 0;  // what the method adds
  double learning_rate = 0;
  double grad_norm = 0;                                        // before clipping
  double sparsity = 0;                                         // after the step
  std::vector<std::pair<std::string, int64_t>> method_counts;  // gates_zero, kept_rank, ...
  int64_t phase = -1;                                          // with `schedule`; else left out
  double xi = 0;
  int64_t tokens = 0;
  double step_seconds = 0;
  int64_t launches = -1;  // what the host gave to a GPU; left out on the CPU
};

std::string step_line(const StepRecord& record);
std::string evaluation_line(int64_t step, const std::string& split, const Evaluation& evaluation);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
