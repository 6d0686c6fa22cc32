#include "data/class_metrics.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "data/metrics.h"

namespace soragrad::data {
namespace {

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

void require_logits(std::span<const float> logits, std::span<const Example> rows, int64_t classes) {
  require(!rows.empty() && logits.size() == rows.size() * static_cast<size_t>(classes),
          "[metrics] {} logits do not fit {} rows of {} classes.", logits.size(), rows.size(),
          classes);
}

bool has(const Example& row, int64_t number) {
  return std::binary_search(row.classes.begin(), row.classes.end(), static_cast<int32_t>(number));
}

}  // namespace

double ClassCounts::precision() const {
  return share(both, predicted);
}

double ClassCounts::recall() const {
  return share(both, actual);
}

double ClassCounts::f1() const {
  return share(2 * both, predicted + actual);
}

std::vector<ClassCounts> count_classes(std::span<const float> logits, std::span<const Example> rows,
                                       int64_t classes) {
  require_logits(logits, rows, classes);
  std::vector<ClassCounts> counts(static_cast<size_t>(classes));
  const std::vector<int64_t> predictions = argmax_rows(logits, classes);
  for (size_t i = 0; i < rows.size(); ++i) {
    require(rows[i].label >= 0 && rows[i].label < classes, "[metrics] row {} has no label.",
            rows[i].index);
    const auto predicted = static_cast<size_t>(predictions[i]);
    const auto actual = static_cast<size_t>(rows[i].label);
    ++counts[predicted].predicted;
    ++counts[actual].actual;
    counts[actual].both += predicted == actual;
  }
  return counts;
}

std::vector<ClassCounts> count_class_sets(std::span<const float> logits,
                                          std::span<const Example> rows, int64_t classes) {
  require_logits(logits, rows, classes);
  std::vector<ClassCounts> counts(static_cast<size_t>(classes));
  auto logit = logits.begin();
  for (const Example& row : rows) {
    for (int64_t number = 0; number < classes; ++number, ++logit) {
      ClassCounts& count = counts[static_cast<size_t>(number)];
      const bool predicted = *logit >= 0, actual = has(row, number);
      count.predicted += predicted;
      count.actual += actual;
      count.both += predicted && actual;
    }
  }
  return counts;
}

double macro_f1(std::span<const ClassCounts> counts, bool all_classes) {
  double sum = 0;
  int64_t classes = 0;
  for (const ClassCounts& count : counts) {
    if (!all_classes && !count.occurs()) continue;
    sum += count.f1();
    ++classes;
  }
  return sum / static_cast<double>(classes);
}

double weighted_f1(std::span<const ClassCounts> counts) {
  double sum = 0, rows = 0;
  for (const ClassCounts& count : counts) {
    sum += static_cast<double>(count.actual) * count.f1();
    rows += static_cast<double>(count.actual);
  }
  return sum / rows;
}

double micro_f1(std::span<const ClassCounts> counts) {
  ClassCounts total;
  for (const ClassCounts& count : counts) {
    total.both += count.both;
    total.predicted += count.predicted;
    total.actual += count.actual;
  }
  return total.occurs() ? total.f1() : std::numeric_limits<double>::quiet_NaN();
}

double exact_match(std::span<const float> logits, std::span<const Example> rows, int64_t classes) {
  require_logits(logits, rows, classes);
  int64_t right = 0;
  auto logit = logits.begin();
  for (const Example& row : rows) {
    bool is_right = true;
    for (int64_t number = 0; number < classes; ++number, ++logit) {
      is_right = is_right && (*logit >= 0) == has(row, number);
    }
    right += is_right;
  }
  return share(right, static_cast<int64_t>(rows.size()));
}

double roc_auc(std::span<const float> logits, std::span<const Example> rows, int64_t positive) {
  require_logits(logits, rows, 2);
  std::vector<std::pair<double, bool>> scores;  // the probability rises with the difference
  for (size_t i = 0; i < rows.size(); ++i) {
    const double difference =
        static_cast<double>(logits[2 * i + 1]) - static_cast<double>(logits[2 * i]);
    scores.emplace_back(positive == 1 ? difference : -difference, rows[i].label == positive);
  }
  std::sort(scores.begin(), scores.end());
  double below = 0, ordered = 0, positives = 0;  // below: negatives with a smaller score
  for (size_t begin = 0; begin < scores.size();) {
    double tied_negatives = 0, tied_positives = 0;
    size_t end = begin;
    for (; end < scores.size() && scores[end].first == scores[begin].first; ++end) {
      (scores[end].second ? tied_positives : tied_negatives) += 1;
    }
    if (end == begin) return std::numeric_limits<double>::quiet_NaN();  // a logit is NaN
    ordered += tied_positives * (below + tied_negatives / 2);
    below += tied_negatives;
    positives += tied_positives;
    begin = end;
  }
  if (positives == 0 || below == 0) return std::numeric_limits<double>::quiet_NaN();
  return ordered / (positives * below);
}

std::vector<int64_t> confusion_matrix(std::span<const float> logits, std::span<const Example> rows,
                                      int64_t classes) {
  require_logits(logits, rows, classes);
  std::vector<int64_t> matrix(static_cast<size_t>(classes * classes));
  const std::vector<int64_t> predictions = argmax_rows(logits, classes);
  for (size_t i = 0; i < rows.size(); ++i) {
    ++matrix[static_cast<size_t>(rows[i].label * classes + predictions[i])];
  }
  return matrix;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
