// evaluation.json: what `soragrad report` shows of the evaluation that results.json has the metrics
// of - the best one, or the last with load_best_model_at_end=false - so that it needs no model:
//   {"step": S, "splits": [SPLIT...]}
//   SPLIT: name, path, rows, problem_type, labels, metrics, loss; counts of all rows ("classes",
//   "confusion" as [label, prediction, rows], "calibration"); "kept": label, prediction, its
//   probability and loss of the first kKeptRows rows, or fewer if they have several labels each and
//   kKeptAnswers labels and predictions are together before; "worst": the kWorstRows rows with the
//   largest loss, with their texts. CoLA's splits that are evaluated at the end of a run also have
//   "by_source": rows and accuracy for each name in the first column of the file.
// The file is bounded: about 60 bytes a kept row, at most 1.5 MB a split, and 20 kB of texts.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <span>
#include <string>

#include "train/loop/rows.h"
#include "train/run/metrics_log.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

constexpr int64_t kKeptRows = 20000;
constexpr size_t kKeptAnswers = 100000;
constexpr int64_t kWorstRows = 30;
// Of equal width, over confidence for one label a row and over the probability of each class for
// several (Guo et al., "On Calibration of Modern Neural Networks", 2017: 15 bins).
constexpr int64_t kCalibrationBins = 15;

// The record of one split. logits: (rows, classes).
nlohmann::ordered_json evaluation_record(const Rows& rows, std::span<const float> logits,
                                         const Evaluation& evaluation);

// Replaces the run's file by the records of an evaluation after `step`.
void write_evaluation(const RunFolder& folder, int64_t step, const nlohmann::ordered_json& splits);
// The records of an evaluation after `step` in the file; null if there is none of that step.
nlohmann::ordered_json read_evaluation(const RunFolder& folder, int64_t step);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
