// Algorithm 1 as a result: the model after each threshold is one member of a set, and the curves
// over that set say how much it still knows of the rows it was trained on and of new ones.
//   memorization    100 * metric on training rows / the same after phase 0
//   generalization  100 * metric on validation / the same after phase 0
// Source: TsinghuaC3I/SoRA, run_glue.py; the training rows are a fixed sample of 1000.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "train/report/text_table.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

// Rows of the sample: Dataset.shuffle(seed=42).select(range(1000)) of Hugging Face's datasets.
constexpr int64_t kTrainSampleRows = 1000;
constexpr uint32_t kTrainSampleSeed = 42;

// Metrics are NaN where they are not known, percentages where phase 0's metric is 0 too.
struct PathPoint {
  int64_t phase = 0, last_step = 0;
  double xi = 0;
  int64_t kept = 0, gates = 0;  // gates that are not 0, and all
  int64_t stored = 0;           // parameters of the pruned adapter, without the head
  double train = 0, validation = 0, test = 0;
  double memorization = 0, generalization = 0;
  bool on_front = false;  // none stores as little and validates better, or less and as well
};

struct ThresholdPath {
  std::string metric;
  int64_t train_rows = 0;  // of the sample
  std::vector<PathPoint> points;
};

// The metric of a run's path: metric_for_best_model, or the task's first where that is the loss.
std::string path_metric(const Config& config);

// From the records of finished phases (results.json, "phases"). Throws where they are damaged.
ThresholdPath read_path(const nlohmann::json& phases, const std::string& metric);

// The phases as a table: rounded for people, or every digit under the names that path.json has.
TextTable path_table(const ThresholdPath& path, bool for_people);
std::string path_text(const ThresholdPath& path);
std::string path_html(const ThresholdPath& path);  // the body of a page

// Writes path.json, path.csv and path.html into the run's folder.
void write_path(const RunFolder& folder, const ThresholdPath& path, const std::string& title);

}  // namespace soragrad::train
