// What methods cost: parameters by both counters, time a step and an epoch, against AdaLoRA's.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "train/report/text_table.h"

namespace soragrad::train {

struct FinishedRun {
  std::string task, method;  // as a recipe or a run names them
  nlohmann::json results;    // of results.json
};

// A row for each task and method, with means over its runs, in the order of the runs:
//   trained   parameters that train, without the head
//   stored    what the adapter holds without its zero gates
//   released  the same by the released code's counter
//   epoch     time a step times the steps of an epoch; evaluations do not count
// The last column compares epochs with those of a run of method adalora of the same task.
TextTable cost_table(const std::vector<FinishedRun>& runs);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
