// Probabilities and losses of single rows, against values worked out by hand.
#include "data/row_scores.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace soragrad::data;

namespace {

Task task_of(ProblemType type) {
  Task task;
  task.problem_type = type;
  if (type != ProblemType::regression) task.labels = {"a", "b", "c"};
  return task;
}

}  // namespace

TEST_CASE("row_scores: one label: softmax, and its cross-entropy") {
  const Task task = task_of(ProblemType::single_label_classification);
  const std::vector<float> logits{0, 0, std::log(2.0f)};
  const std::vector<double> p = row_probabilities(task, logits);
  REQUIRE(p.size() == 3);
  CHECK(p[0] == doctest::Approx(0.25));
  CHECK(p[2] == doctest::Approx(0.5));
  CHECK(row_loss(task, logits, {.label = 2}) == doctest::Approx(std::log(2.0)));
}

TEST_CASE("row_scores: large logits neither overflow nor lose the loss") {
  const Task task = task_of(ProblemType::single_label_classification);
  const std::vector<float> logits{1000, 0, -1000};
  CHECK(row_probabilities(task, logits)[0] == 1);
  CHECK(row_loss(task, logits, {.label = 1}) == doctest::Approx(1000));
}

TEST_CASE("row_scores: several labels: a sigmoid each, the mean of binary cross-entropy") {
  const Task task = task_of(ProblemType::multi_label_classification);
  const std::vector<float> logits{0, 1000, -1000};
  const std::vector<double> p = row_probabilities(task, logits);
  CHECK(p == std::vector<double>{0.5, 1, 0});
  Example row;
  row.classes = {1};
  CHECK(row_loss(task, logits, row) == doctest::Approx(std::log(2.0) / 3));
  row.classes = {2};
  CHECK(row_loss(task, logits, row) == doctest::Approx((std::log(2.0) + 2000) / 3));
}

TEST_CASE("row_scores: regression: no probabilities, the squared error") {
  const Task task = task_of(ProblemType::regression);
  const std::vector<float> logits{2.5};
  CHECK(row_probabilities(task, logits).empty());
  CHECK(row_loss(task, logits, {.score = 4}) == doctest::Approx(2.25));
}

// SPDX-License-Identifier: Apache-2.0
