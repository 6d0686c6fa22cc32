#include "train/loop/load_options.h"

#include "train/config/own_data.h"

namespace soragrad::train {

models::LoadOptions load_options(const data::Task& task) {
  models::LoadOptions options;
  options.labels = task.labels;
  options.num_labels = task.num_labels();
  options.regression = task.regression();
  if (task.name == kCustomTask) {
    options.takes_task_order = true;
    options.problem_type = data::name_of(task.problem_type);
  }
  return options;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
