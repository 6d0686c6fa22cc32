// The pictures of a grid's page: which method is best in which task, and what it costs.
#pragma once

#include <string>

#include "train/report/score_table.h"

namespace soragrad::train {

// SVG elements: a heat map of methods x tasks, whose shade places a mean score between the task's
// lowest and highest; and for each task the scores over the stored parameters, and over the time
// of an epoch, a point a method. Empty if fewer than two methods have a score.
std::string score_pictures(const ScoreTable& table);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
