// The table of a grid: mean and standard deviation over seeds, beside printed numbers, and costs.
#pragma once

#include <string>
#include <vector>

#include "train/recipe/recipe.h"
#include "train/report/cost_table.h"
#include "train/report/paired.h"

namespace soragrad::train {

struct ScoreCell {
  std::string task, method, split;
  std::vector<std::string> metrics;           // the task's, as columns show them
  std::vector<std::vector<RunScore>> scores;  // for each metric those of the finished runs
  std::vector<int64_t> undefined;             // for each metric the finished runs that have none
  std::string printed, printed_average;
};

struct ScoreTable {
  std::vector<std::string> tasks, methods;
  std::vector<ScoreCell> cells;  // tasks x methods, task by task
  std::string title, source;
  std::vector<FinishedRun> runs;  // those that are complete
  int64_t wanted = 0;             // runs of the recipe
  int64_t folds = 0;              // of each seed; 0: none
  std::string against;            // the method with which the others are compared; empty: none
};

// From the results.json of the runs that are complete: the test split under protocol paper, else
// validation. Throws UsageError if `against` is neither empty nor a method of the recipe.
ScoreTable collect_scores(const Recipe& recipe, const std::string& against = "");

// "70.12 ± 0.35 (5)": mean, sample standard deviation, number of seeds; "-" where there is none.
// One run has no deviation: "70.12 (1)".
// "70.12 ± 0.35 (4; 1 undefined)": a metric may be undefined, as a correlation of a constant is.
std::string score_text(const ScoreCell& cell);

// Throws UsageError for a format other than text, markdown, csv and html.
std::string format_table(const ScoreTable& table, const std::string& format);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
