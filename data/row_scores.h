// What the logits of one row mean: probabilities, and the loss of the row.
#pragma once

#include <span>
#include <vector>

#include "data/glue_file.h"
#include "data/task.h"

namespace soragrad::data {

// (classes), in the order of the logits: softmax for one label a row, a sigmoid of each for
// several. Empty for regression.
std::vector<double> row_probabilities(const Task& task, std::span<const float> logits);

// Unweighted and unsmoothed: cross-entropy of the row's label; the mean over classes of binary
// cross-entropy for several labels a row; the squared error for regression.
double row_loss(const Task& task, std::span<const float> logits, const Example& row);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
