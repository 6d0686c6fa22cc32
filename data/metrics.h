// GLUE's metrics as Hugging Face evaluate computes them with scikit-learn and SciPy, in double
// precision.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/glue_file.h"

namespace soragrad::data {

// Shares of equal pairs. All functions take at least one pair of equally long lists.
double accuracy(std::span<const int64_t> predictions, std::span<const int64_t> labels);

// 2 tp / (2 tp + fp + fn) of class 1; 0 where the denominator is 0.
double f1(std::span<const int64_t> predictions, std::span<const int64_t> labels);

// Matthews' correlation for any number of classes,
//   (c s - sum p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)),
// with c correct of s rows, and p_k, t_k rows predicted and true of class k; for two classes it is
// the familiar (TP TN - FP FN) / sqrt(...). 0 where the denominator is 0. Source: sklearn.
double matthews_correlation(std::span<const int64_t> predictions, std::span<const int64_t> labels);

// Pearson's correlation; NaN where a list is constant or holds a NaN, as in SciPy.
double pearson(std::span<const double> x, std::span<const double> y);

// Pearson's correlation of the ranks, where equal values share the mean of their ranks.
double spearmanr(std::span<const double> x, std::span<const double> y);

// The class with the largest logit of each row, the first of equals; a NaN counts as largest, as in
// NumPy. logits: (rows, labels).
std::vector<int64_t> argmax_rows(std::span<const float> logits, int64_t labels);

// Names and values in the task's order.
using Metrics = std::vector<std::pair<std::string, double>>;

// The task's metrics of logits (rows, num_labels) against the labels or scores of the rows.
Metrics compute_metrics(const Task& task, std::span<const float> logits,
                        std::span<const Example> rows);
// The same of a regression, for predictions that are no logits.
Metrics score_metrics(const Task& task, std::span<const double> predictions,
                      std::span<const Example> rows);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
