// Metrics by class, for own data: counts of each class, the F1 scores made of them, the area under
// the ROC curve, and the confusion matrix.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/glue_file.h"

namespace soragrad::data {

// One class among the rows.
struct ClassCounts {
  int64_t both = 0;       // rows that have the class and were predicted to
  int64_t predicted = 0;  // rows that were predicted to have it
  int64_t actual = 0;     // rows that have it: the support

  bool occurs() const { return predicted + actual > 0; }
  // 0 if they are not defined.
  double precision() const;
  double recall() const;
  double f1() const;  // 2 both / (predicted + actual)
};

// Counts of `classes` classes, of one label a row: the prediction is the largest logit. logits:
// (rows, classes).
std::vector<ClassCounts> count_classes(std::span<const float> logits, std::span<const Example> rows,
                                       int64_t classes);
// The same for several labels a row: a class is predicted if its logit is at least 0.
std::vector<ClassCounts> count_class_sets(std::span<const float> logits,
                                          std::span<const Example> rows, int64_t classes);

// The mean of F1 over the classes that occur, or over all.
double macro_f1(std::span<const ClassCounts> counts, bool all_classes);
// The mean of F1 weighted by the support.
double weighted_f1(std::span<const ClassCounts> counts);
// F1 of all classes taken together. NaN if none occurs.
double micro_f1(std::span<const ClassCounts> counts);

// Share of the rows with all classes right.
double exact_match(std::span<const float> logits, std::span<const Example> rows, int64_t classes);

// The share of pairs (a row of class `positive`, a row of the other class) whose logits are in the
// right order, ties counting half: the area under the ROC curve. NaN if a class has no row. logits:
// (rows, 2).
double roc_auc(std::span<const float> logits, std::span<const Example> rows, int64_t positive);

// (classes, classes): rows of class i that were predicted as class j.
std::vector<int64_t> confusion_matrix(std::span<const float> logits, std::span<const Example> rows,
                                      int64_t classes);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
