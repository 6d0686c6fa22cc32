// Evaluation: logits of all rows of a split in ragged batches, and the task's metrics of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/metrics.h"
#include "models/model.h"
#include "train/loop/rows.h"
#include "train/run/metrics_log.h"

namespace soragrad::train {

// Logits (rows, num_labels) in the order of the rows and of the task's classes, without dropout.
// Rows are taken by length, longest first, so that the work of a batch is even. With `stoppable` a
// caught signal throws Interrupted between two batches. Throws naming the first row whose logits
// are not finite, and if the model's classes are not the task's.
std::vector<float> compute_logits(models::SequenceClassifier& model, const Rows& rows,
                                  int64_t batch_size, bool stoppable);

// Metrics and loss of these logits against the labels of the rows.
Evaluation score_logits(const Rows& rows, std::span<const float> logits);

Evaluation evaluate(models::SequenceClassifier& model, const Rows& rows, int64_t batch_size,
                    bool stoppable = false);

// What a model scores that always answers with the most frequent class of `train` (the mean of its
// scores for regression, where correlations are not defined: NaN).
data::Metrics majority_baseline(const data::Dataset& train, const data::Dataset& rows);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
