// What a model gets right and wrong, class by class, for people at a terminal.
#pragma once

#include <span>
#include <string>

#include "data/glue_file.h"

namespace soragrad::train {

constexpr size_t kMaxConfusionClasses = 20;  // of the matrix; the table has all classes

// Precision, recall, F1 and support of each class, and for one label a row of up to
// kMaxConfusionClasses classes the confusion matrix (rows are labels, columns predictions). Empty
// for regression. logits: (rows, classes).
std::string class_table(const data::Task& task, std::span<const float> logits,
                        std::span<const data::Example> rows);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
