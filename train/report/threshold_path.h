// Algorithm 1 as a result: one model after each threshold, and curves over these models that show
// how much of the training rows each remembers and how well it does on new rows.
//   memorization    100 * metric on training rows / the same after phase 0
//   generalization  100 * metric on validation / the same after phase 0
// Source: TsinghuaC3I/SoRA, run_glue.py; the training rows are a fixed sample of 1000.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/report/text_table.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

// Metrics are NaN where they are not known, percentages where phase 0's metric is 0 too.
struct PathPoint {
  int64_t phase = 0, last_step = 0;
  double xi = 0;
  int64_t kept = 0, gates = 0;  // gates that are not 0, and all
  int64_t stored = 0;           // parameters of the pruned adapter, without the head
  double train = 0, validation = 0, test = 0;
  double memorization = 0, generalization = 0;
  bool on_front = false;  // Pareto-optimal in (stored, validation)
};

struct ThresholdPath {
  std::string metric;
  int64_t train_rows = 0;  // of the sample
  std::vector<PathPoint> points;
};

// From the records of finished phases (results.json, "phases"). Throws where they are damaged.
ThresholdPath read_path(const nlohmann::json& phases, const std::string& metric);

// The phases as a table: rounded for people, or every digit under the names that path.json has.
TextTable path_table(const ThresholdPath& path, bool for_people);
std::string path_text(const ThresholdPath& path);
std::string path_html(const ThresholdPath& path);  // the body of a page

// Writes path.json, path.csv and path.html into the run's folder.
void write_path(const RunFolder& folder, const ThresholdPath& path, const std::string& title);
// Does so after each phase of a run: for the trainer, which calls it with all records so far. The
// folder must outlive it; `metric` compares the phases.
std::function<void(const nlohmann::json& records)> path_writer(const RunFolder& folder,
                                                               const Config& config,
                                                               const std::string& metric);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
