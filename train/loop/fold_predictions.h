// Out-of-fold predictions: each fold's run predicts the rows that it did not train on. All folds
// together predict every row once.
#pragma once

#include <span>
#include <string>

#include "train/loop/session.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

// In the folder of a run with k_folds: a header and a line for each row of validation, separated by
// tabs: fold, file (of the train files, from 0), row (in the file, from 1), answer (what the file
// has), then what `predict --probabilities` writes.
constexpr const char* kFoldPredictions = "fold_predictions.tsv";

// Writes that file with the model as it is now.
void write_fold_predictions(Session& session, const RunFolder& folder);

// The lines of the files of several runs, sorted by file and row. Throws if a file is no such one,
// or if they have different columns.
std::string joined_predictions(std::span<const std::string> run_folders);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
