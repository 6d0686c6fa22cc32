#include "train/loop/own_rows.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "models/config.h"
#include "train/config/own_data.h"

namespace soragrad::train {

namespace {

// The name that a column has in all files that have one; empty if they differ.
std::string common_name(const data::CustomData& data, std::string data::CustomFileInfo::*column) {
  std::string name;
  for (const data::CustomPart* part : {&data.train, &data.validation, &data.test}) {
    for (const data::CustomFileInfo& file : part->files) {
      const std::string& own = file.*column;
      if (name.empty()) name = own;
      if (!own.empty() && own != name) return "";
    }
  }
  return name;
}

// As the files settled them: evaluation and prediction read other files by the same rules. A key
// that is set stays, and one whose column has several names stays open.
void settle_columns(const data::CustomData& data, data::CustomKeys& keys) {
  using Info = data::CustomFileInfo;
  if (keys.text_column.empty()) keys.text_column = common_name(data, &Info::text_column);
  if (keys.label_column.empty()) keys.label_column = common_name(data, &Info::label_column);
  if (!keys.text_pair_column.empty()) return;
  keys.text_pair_column = data.pair_column.empty() ? "none" : common_name(data, &Info::pair_column);
}

}  // namespace

std::vector<std::string> model_labels(const std::string& model) {
  return model.empty() ? std::vector<std::string>() : models::read_config(model).label_names;
}

void require_own_files(const data::CustomKeys& keys, const std::string& run) {
  const std::pair<const char*, const std::vector<std::string>&> files[] = {
      {"train_file", keys.train_files},
      {"validation_file", keys.validation_files},
      {"test_file", keys.test_files}};
  for (const auto& [key, paths] : files) {
    for (const std::string& path : paths) {
      require(path_exists(path), "[{}] is gone, and the run {} read it; name where it is: {}=FILE.",
              shown(path), shown(run), key);
    }
  }
}

std::shared_ptr<data::CustomData> load_own_data(
    Config& config, const std::function<void(const std::string&)>& note) {
  auto custom = std::make_shared<data::CustomData>(
      data::load_custom(custom_keys(config), model_labels(config.model)));
  for (const data::CustomWarning& warning : custom->warnings) {
    note(fmt::format("warning: {}: {}", custom->train.rows.path, warning.text()));
  }
  const data::Task& task = *custom->task;
  data::CustomKeys& keys = config.custom;
  settle_columns(*custom, keys);
  keys.problem_type = data::name_of(task.problem_type);
  keys.labels = task.labels;
  std::string& metric = config.metric_for_best_model;
  if (metric.empty()) metric = task.selection_metric;
  if (metric != "loss" && std::ranges::find(task.metrics, metric) == task.metrics.end()) {
    fail("[metric_for_best_model] {}; {} is {}, which has {} and loss.", quote(metric),
         shown(custom->train.rows.path), data::name_of(task.problem_type),
         data::joined(task.metrics));
  }
  return custom;
}

void apply_class_weights(const Config& config, const data::Task& task,
                         std::vector<data::Example>& rows) {
  const bool has_classes = task.problem_type == data::ProblemType::single_label_classification;
  if (config.class_weights.empty() || !has_classes) return;
  std::vector<int64_t> counts(task.labels.size());
  for (const data::Example& row : rows) {
    if (row.label >= 0) ++counts[static_cast<size_t>(row.label)];
  }
  const std::vector<double> weights = class_weights_of(config, task, counts);
  for (data::Example& row : rows) {
    row.weight = static_cast<float>(static_cast<double>(row.weight) *
                                    weights[static_cast<size_t>(row.label)]);
  }
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
