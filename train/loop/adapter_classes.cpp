#include "train/loop/adapter_classes.h"

#include <algorithm>

#include "data/task.h"
#include "models/labels.h"
#include "models/load.h"

namespace soragrad::train {

std::vector<std::string> adapter_classes(const sora::AdapterInfo& info, const std::string& base) {
  if (!info.labels.empty()) return info.labels;
  for (const data::Task* task : data::all_tasks()) {
    if (task->name != info.task || task->regression()) continue;
    // A run of one of these tasks keeps the order of a base model that has the same names.
    std::vector<std::string> own = models::read_config(base).label_names;
    const bool is_own = models::are_named(own) && models::find_classes(own, task->labels);
    return is_own ? own : task->labels;
  }
  return {};
}

bool order_head(models::SequenceClassifier& model, const std::vector<std::string>& classes,
                std::span<const std::string> absent) {
  const std::vector<std::string>& wanted = model.config().label_names;
  if (classes.empty() || wanted.empty()) return true;
  const auto found = models::find_classes(classes, wanted);
  if (found) models::move_class_rows(model, *found, absent);
  return found.has_value();
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
