// Predictions with the names of the classes.
#pragma once

#include <span>
#include <string>

#include "data/glue_file.h"

namespace soragrad::data {

struct PredictionFormat {
  bool is_json = false;            // an object a line; else a header and tab-separated values
  bool has_probabilities = false;  // of every class
  std::string separator = ",";     // between several labels of one tab-separated cell
};

// One line a row: id, label and its probability; in regression id and, as label, the score. Several
// labels: those whose probability is at least 0.5, each with it. The id is the file's, and
// empty (null in JSON) where that is; without an id column it is the row's number from 0. Tabs and
// line ends within names and ids become blanks in tab-separated values. logits: (rows, classes).
std::string prediction_text(const Task& task, std::span<const float> logits,
                            std::span<const Example> rows, const PredictionFormat& format);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
