#include "data/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"
#include "data/class_metrics.h"

namespace soragrad::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void require_pairs(size_t a, size_t b) {
  require(a == b && a > 0, "[metrics] {} predictions do not fit {} labels.", a, b);
}

double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

bool constant_or_nan(std::span<const double> x) {
  bool constant = true;
  for (const double value : x) {
    if (std::isnan(value)) return true;
    constant = constant && value == x[0];
  }
  return constant;
}

// Ranks from 1; a run of equal values shares the mean of its ranks. No NaN may be among them.
std::vector<double> average_ranks(std::span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] < x[b]; });
  std::vector<double> ranks(x.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (; begin < end; ++begin) ranks[order[begin]] = rank;
  }
  return ranks;
}

Metrics single_label_metrics(const Task& task, std::span<const float> logits,
                             std::span<const Example> rows) {
  const std::vector<ClassCounts> counts = count_classes(logits, rows, task.num_labels());
  const std::vector<int64_t> predictions = argmax_rows(logits, task.num_labels());
  std::vector<int64_t> labels;
  for (const Example& row : rows) labels.push_back(row.label);
  const auto value_of = [&](std::string_view name) {
    if (name == "accuracy") return accuracy(predictions, labels);
    if (name == "matthews_correlation") return matthews_correlation(predictions, labels);
    if (name == "f1") {
      const ClassCounts& positive = counts[static_cast<size_t>(task.positive_class)];
      return positive.occurs() ? positive.f1() : kNaN;
    }
    if (name == "macro_f1") return macro_f1(counts, false);
    if (name == "weighted_f1") return weighted_f1(counts);
    if (name == "roc_auc") return roc_auc(logits, rows, task.positive_class);
    fail("[metrics] {} is no metric of classes.", name);
  };
  Metrics metrics;
  for (const std::string& name : task.metrics) metrics.emplace_back(name, value_of(name));
  return metrics;
}

Metrics multi_label_metrics(const Task& task, std::span<const float> logits,
                            std::span<const Example> rows) {
  const std::vector<ClassCounts> counts = count_class_sets(logits, rows, task.num_labels());
  Metrics metrics;
  for (const std::string& name : task.metrics) {
    require(name == "micro_f1" || name == "macro_f1" || name == "exact_match",
            "[metrics] {} is no metric of several labels.", name);
    metrics.emplace_back(name, name == "micro_f1"   ? micro_f1(counts)
                               : name == "macro_f1" ? macro_f1(counts, true)
                                                    : exact_match(logits, rows, task.num_labels()));
  }
  return metrics;
}

double regression_metric(std::string_view name, std::span<const double> predictions,
                         std::span<const double> scores) {
  if (name == "mse" || name == "mae") {
    double sum = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      const double difference = predictions[i] - scores[i];
      sum += name == "mse" ? difference * difference : std::abs(difference);
    }
    return sum / static_cast<double>(scores.size());
  }
  if (name == "pearson") return pearson(predictions, scores);
  if (name == "spearmanr") return spearmanr(predictions, scores);
  fail("[metrics] {} is no metric of scores.", name);
}

}  // namespace

double accuracy(std::span<const int64_t> predictions, std::span<const int64_t> labels) {
  require_pairs(predictions.size(), labels.size());
  int64_t correct = 0;
  for (size_t i = 0; i < labels.size(); ++i) correct += predictions[i] == labels[i];
  return static_cast<double>(correct) / static_cast<double>(labels.size());
}

double f1(std::span<const int64_t> predictions, std::span<const int64_t> labels) {
  require_pairs(predictions.size(), labels.size());
  int64_t both = 0;    // true positives
  int64_t either = 0;  // 2 tp + fp + fn
  for (size_t i = 0; i < labels.size(); ++i) {
    both += predictions[i] == 1 && labels[i] == 1;
    either += (predictions[i] == 1) + (labels[i] == 1);
  }
  return either == 0 ? 0.0 : 2 * static_cast<double>(both) / static_cast<double>(either);
}

double matthews_correlation(std::span<const int64_t> predictions, std::span<const int64_t> labels) {
  require_pairs(predictions.size(), labels.size());
  struct Count {
    double predicted = 0;
    double actual = 0;
  };
  std::map<int64_t, Count> classes;
  double correct = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    classes[predictions[i]].predicted += 1;
    classes[labels[i]].actual += 1;
    correct += predictions[i] == labels[i];
  }
  // Gorodkin (2004), R_K for any number of classes, as scikit-learn's matthews_corrcoef: covariance
  // of predictions and labels over their standard deviations, all times rows^2 so that counts stay
  // whole numbers. Undefined if one of them is constant: 0 by definition.
  const double rows = static_cast<double>(labels.size());
  double covariance = correct * rows;
  double predicted_variance = rows * rows;
  double actual_variance = rows * rows;
  for (const auto& [label, count] : classes) {
    covariance -= count.predicted * count.actual;
    predicted_variance -= count.predicted * count.predicted;
    actual_variance -= count.actual * count.actual;
  }
  const double product = predicted_variance * actual_variance;
  return product == 0 ? 0.0 : covariance / std::sqrt(product);
}

double pearson(std::span<const double> x, std::span<const double> y) {
  require_pairs(x.size(), y.size());
  if (constant_or_nan(x) || constant_or_nan(y)) return kNaN;
  const double x_mean = mean(x);
  const double y_mean = mean(y);
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - x_mean;
    const double dy = y[i] - y_mean;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  // Rounding can carry a perfect correlation past 1.
  return std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
}

double spearmanr(std::span<const double> x, std::span<const double> y) {
  require_pairs(x.size(), y.size());
  if (constant_or_nan(x) || constant_or_nan(y)) return kNaN;
  return pearson(average_ranks(x), average_ranks(y));
}

std::vector<int64_t> argmax_rows(std::span<const float> logits, int64_t labels) {
  require(labels > 0 && logits.size() % static_cast<size_t>(labels) == 0,
          "[argmax] {} logits do not divide into rows of {}.", logits.size(), labels);
  std::vector<int64_t> classes;
  classes.reserve(logits.size() / static_cast<size_t>(labels));
  for (; !logits.empty(); logits = logits.subspan(static_cast<size_t>(labels))) {
    int64_t best = 0;  // the first of equal ones, or of NaN: as numpy.argmax
    for (int64_t k = 1; k < labels && !std::isnan(logits[best]); ++k) {
      if (logits[k] > logits[best] || std::isnan(logits[k])) best = k;
    }
    classes.push_back(best);
  }
  return classes;
}

Metrics compute_metrics(const Task& task, std::span<const float> logits,
                        std::span<const Example> rows) {
  require(logits.size() == rows.size() * static_cast<size_t>(task.num_labels()),
          "[metrics] {} logits do not fit {} rows of {} labels.", logits.size(), rows.size(),
          task.num_labels());
  if (task.problem_type == ProblemType::multi_label_classification) {
    return multi_label_metrics(task, logits, rows);
  }
  if (!task.regression()) return single_label_metrics(task, logits, rows);
  return score_metrics(task, std::vector<double>(logits.begin(), logits.end()), rows);
}

Metrics score_metrics(const Task& task, std::span<const double> predictions,
                      std::span<const Example> rows) {
  require_pairs(predictions.size(), rows.size());
  Metrics metrics;
  std::vector<double> scores;
  for (const Example& row : rows) scores.push_back(row.score);
  for (const std::string& name : task.metrics) {
    metrics.emplace_back(name, regression_metric(name, predictions, scores));
  }
  return metrics;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
