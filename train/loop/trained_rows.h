// The rows that a trained model is evaluated on or predicts for, of GLUE tasks and of own data.
#pragma once

#include <string>
#include <vector>

#include "train/loop/open_trained.h"

namespace soragrad::train {

// The data sets of a split, under their names. Own data: a validation file, else the part of train
// that validated the run; throws if the run's files have other bytes now.
std::vector<data::NamedDataset> evaluation_rows(Trained& trained, data::Split split);

// The rows of a file, whose labels are not read.
data::NamedDataset prediction_rows(Trained& trained, const std::string& path);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
