// Expected values: scikit-learn 1.5 (f1_score, roc_auc_score) on the same numbers.
#include "data/class_metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "data/custom/custom.h"
#include "data/metrics.h"

namespace soragrad::data {
namespace {

std::vector<Example> labelled(std::initializer_list<int64_t> labels) {
  std::vector<Example> rows;
  for (const int64_t label : labels) {
    rows.emplace_back();
    rows.back().label = label;
  }
  return rows;
}

// Logits whose largest is the prediction.
std::vector<float> predicting(std::initializer_list<int> classes, size_t count) {
  std::vector<float> logits;
  for (const int number : classes) {
    for (size_t i = 0; i < count; ++i) logits.push_back(static_cast<int>(i) == number ? 1.0f : 0);
  }
  return logits;
}

double metric(const Metrics& metrics, std::string_view name) {
  for (const auto& [known, value] : metrics) {
    if (known == name) return value;
  }
  return -1;
}

}  // namespace

TEST_CASE("class metrics: macro F1 is over classes that occur, an undefined one counts 0") {
  const auto rows = labelled({0, 0, 1, 1, 2});
  const auto counts = count_classes(predicting({0, 1, 1, 1, 1}, 4), rows, 4);
  // F1: 2/3, 2*2/(4+2) = 2/3, 0; the fourth class does not occur.
  CHECK(macro_f1(counts, false) == doctest::Approx((2.0 / 3 + 2.0 / 3 + 0) / 3));
  CHECK(weighted_f1(counts) == doctest::Approx((2 * 2.0 / 3 + 2 * 2.0 / 3) / 5));
  CHECK(counts[1].precision() == doctest::Approx(0.5));
  CHECK(counts[2].recall() == 0);
}

TEST_CASE("class metrics: area under the ROC curve counts ties half and needs both classes") {
  const std::vector<float> logits = {0, 1, 0, 2, 0, 2, 0, 3};
  CHECK(roc_auc(logits, labelled({0, 0, 1, 1}), 1) == doctest::Approx(3.5 / 4));
  CHECK(roc_auc(logits, labelled({0, 0, 1, 1}), 0) == doctest::Approx(3.5 / 4));
  CHECK(std::isnan(roc_auc(logits, labelled({1, 1, 1, 1}), 1)));
}

TEST_CASE("class metrics: several labels a row") {
  const auto task =
      make_custom_task(ProblemType::multi_label_classification, {"a", "b", "c"}, {}, false);
  std::vector<Example> rows(3);
  rows[0].classes = {0, 1};
  rows[1].classes = {};
  rows[2].classes = {1};
  const std::vector<float> logits = {1, 0, -1, -1, -1, -1, 1, 2, -1};
  const Metrics metrics = compute_metrics(*task, logits, rows);
  CHECK(metric(metrics, "micro_f1") == doctest::Approx(6.0 / 7));
  CHECK(metric(metrics, "macro_f1") == doctest::Approx((2.0 / 3 + 1 + 0) / 3));
  CHECK(metric(metrics, "exact_match") == doctest::Approx(2.0 / 3));
}

TEST_CASE("class metrics: F1 of a class that neither occurs nor is predicted is undefined") {
  const auto task =
      make_custom_task(ProblemType::single_label_classification, {"no", "yes"}, {}, false);
  std::vector<Example> rows(2);
  rows[0].label = rows[1].label = 0;
  const Metrics metrics = compute_metrics(*task, std::vector<float>{1, 0, 1, 0}, rows);
  CHECK(std::isnan(metric(metrics, "f1")));
  CHECK(std::isnan(metric(metrics, "roc_auc")));
  CHECK(metric(metrics, "macro_f1") == 1);
  CHECK(metric(metrics, "matthews_correlation") == 0);  // by definition
  const Metrics missed = compute_metrics(*task, std::vector<float>{0, 1, 1, 0}, rows);
  CHECK(metric(missed, "f1") == 0);
  const auto sets = make_custom_task(ProblemType::multi_label_classification, {"a"}, {}, false);
  CHECK(std::isnan(metric(compute_metrics(*sets, std::vector<float>{-1, -1}, rows), "micro_f1")));
}

TEST_CASE("class metrics: a constant prediction has no correlation") {
  const auto task = make_custom_task(ProblemType::regression, {}, {}, false);
  std::vector<Example> rows(2);
  rows[0].score = 1;
  rows[1].score = 3;
  const Metrics metrics = compute_metrics(*task, std::vector<float>{2, 2}, rows);
  CHECK(metric(metrics, "mse") == 1);
  CHECK(metric(metrics, "mae") == 1);
  CHECK(std::isnan(metric(metrics, "pearson")));
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
