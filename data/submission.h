// Predictions in the form the GLUE server takes: a header, then index TAB prediction.
#pragma once

#include <span>
#include <string>

#include "data/glue_file.h"

namespace soragrad::data {

// The text of a submission: label names for mnli, qnli, rte and ax, class numbers for the others,
// scores with three decimals for stsb. logits: (rows, num_labels).
std::string submission_text(const Task& task, std::span<const float> logits,
                            std::span<const Example> rows);

// Writes it to a temporary name, syncs and renames.
void write_submission(const std::string& path, const Task& task, std::span<const float> logits,
                      std::span<const Example> rows);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
