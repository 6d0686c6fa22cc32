// The part of a configuration that concerns own data (task=custom) and the loss of a row.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/custom/keys.h"
#include "data/task.h"
#include "train/config/config.h"

namespace soragrad::train {

constexpr std::string_view kCustomTask = "custom";

// The heading of its keys.
constexpr std::string_view kOwnDataGroup = "Own data (task=custom)";

inline bool is_custom(const Config& config) {
  return config.task == kCustomTask;
}

// The keys with their files: those of train_file and so on, each a list separated by commas, else
// those of the folder `data`.
data::CustomKeys custom_keys(const Config& config);

// "a.csv, b.csv" as its parts.
std::vector<std::string> file_list(std::string_view text);

// The weight of each class: all 1 without class_weights, and for problems that are not single
// label; n / (classes * count) for `balanced`, from the labels of the rows that train (a class
// without rows weighs 0); else as the mapping has it, 1 for classes that it leaves out. Throws for
// a name that is no class and for a negative weight, and a UsageError for a text that is no
// mapping.
std::vector<double> class_weights_of(const Config& config, const data::Task& task,
                                     const std::vector<int64_t>& counts);

// A line for each key of the loss that has no effect on this task.
std::vector<std::string> unread_loss_keys(const Config& config, const data::Task& task);

// Whether the files of own data decide this key if it is not given: columns, problem type, classes
// and the metric. A run's config.yaml has what they decided.
bool is_settled_by_files(std::string_view key);

// For the files of a run, and the configuration of its config.yaml: whether the names of columns
// may be those that were found in the first file, as earlier versions wrote them down. No, if the
// command line names columns. (Names that were given are in all files of a run.)
bool may_have_found_columns(const Config& config);

// Whether the loss of a row depends on more than its label: class_weights, weight_column or
// label_smoothing_factor.
bool weighs_rows(const Config& config);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
