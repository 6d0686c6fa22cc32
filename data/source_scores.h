// Scores by where the rows are from: the first column of CoLA's files names the publication of each
// sentence, or the phenomenon that it tests.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/glue_file.h"

namespace soragrad::data {

struct SourceScore {
  std::string source;
  int64_t rows = 0;
  int64_t right = 0;  // rows whose largest logit is their label's
};

// The source of each row, read once more from the data set's file. Empty unless the task is CoLA
// and the file has its labelled form, without a header.
std::vector<std::string> sources_of(const Dataset& dataset);

// Sorted by source; logits: (rows, num_labels). Nothing unless there are at least two sources, and
// at most a hundred.
std::vector<SourceScore> scores_by_source(const Dataset& dataset, std::span<const float> logits);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
