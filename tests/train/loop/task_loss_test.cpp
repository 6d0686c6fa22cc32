// The loss of a batch by its formula: sum of weight * loss of a row over the sum of weights.
#include "train/loop/task_loss.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "autograd/graph.h"
#include "data/custom/custom.h"

using namespace soragrad;

namespace {

using data::ProblemType;

data::Task task_of(ProblemType type, int64_t classes) {
  data::Task task;
  task.problem_type = type;
  for (int64_t i = 0; i < classes; ++i)
    task.labels.push_back(std::string(1, static_cast<char>('a' + i)));
  return task;
}

data::Batch batch_of(std::vector<int64_t> labels, std::vector<float> weights) {
  data::Batch batch;
  batch.labels = std::move(labels);
  batch.weights = std::move(weights);
  for (size_t i = 0; i < batch.weights.size(); ++i) batch.rows.push_back(static_cast<int64_t>(i));
  return batch;
}

Variable leaf(std::vector<real> values, Shape shape) {
  Variable variable(Tensor::from(values, shape));
  variable.set_requires_grad(true);
  return variable;
}

// -log p of each class of a row.
template <size_t C>
std::array<double, C> losses_of(const std::array<double, C>& logits) {
  double sum = 0;
  for (const double z : logits) sum += std::exp(z);
  std::array<double, C> losses;
  for (size_t i = 0; i < C; ++i) losses[i] = std::log(sum) - logits[i];
  return losses;
}

}  // namespace

TEST_CASE("task loss: a row's whole smoothed loss is weighted, over the sum of weights") {
  const data::Task task = task_of(ProblemType::single_label_classification, 3);
  const data::Batch batch = batch_of({2, 0, 1}, {2, 0.5f, 1});
  const std::array<double, 3> z[] = {{0.3, -1.2, 0.7}, {1.5, 0.2, -0.4}, {0, 0.9, 0.1}};
  std::vector<real> logits;
  double expected = 0;
  for (size_t row = 0; row < 3; ++row) {
    const auto losses = losses_of(z[row]);
    const double mean = (losses[0] + losses[1] + losses[2]) / 3;
    expected += static_cast<double>(batch.weights[row]) *
                (0.8 * losses[static_cast<size_t>(batch.labels[row])] + 0.2 * mean);
    for (const double logit : z[row]) logits.push_back(static_cast<real>(logit));
  }
  const auto answers = train::answers(batch, task, models::ClassMap(3),
                                      {.uses_weights = true, .label_smoothing = 0.2});
  const Variable loss = train::task_loss(leaf(logits, {3, 3}), answers);
  CHECK(static_cast<double>(loss.value().item()) == doctest::Approx(expected / 3.5).epsilon(1e-6));
}

TEST_CASE("task loss: without weights the smoothed loss is the mean over the rows") {
  const data::Task task = task_of(ProblemType::single_label_classification, 2);
  const data::Batch batch = batch_of({1, 0}, {1, 1});
  const auto first = losses_of(std::array{0.5, -0.5}), second = losses_of(std::array{2.0, 1.0});
  const double expected = (0.9 * first[1] + 0.05 * (first[0] + first[1]) + 0.9 * second[0] +
                           0.05 * (second[0] + second[1])) /
                          2;
  const auto answers = train::answers(batch, task, models::ClassMap(2), {.label_smoothing = 0.1});
  const Variable loss = train::task_loss(leaf({real(0.5), real(-0.5), 2, 1}, {2, 2}), answers);
  CHECK(static_cast<double>(loss.value().item()) == doctest::Approx(expected).epsilon(1e-6));
}

TEST_CASE("task loss: labels follow the model's order of classes") {
  const data::Task task = task_of(ProblemType::single_label_classification, 2);
  const data::Batch batch = batch_of({1, 0, 0}, {1, 1, 1});
  const auto answers = train::answers(batch, task, models::ClassMap(std::vector<int64_t>{1, 0}));
  CHECK(answers.labels.to_vector<int64_t>() == std::vector<int64_t>{0, 1, 1});
  CHECK_FALSE(answers.shares.defined());  // the plain mean, as ever
}

TEST_CASE("task loss: several labels are the mean over rows and classes") {
  const data::Task task = task_of(ProblemType::multi_label_classification, 2);
  data::Batch batch = batch_of({-1, -1}, {1, 3});
  batch.classes = {{0, 1}, {}};
  const auto bce = [](double z, double y) { return std::log1p(std::exp(z)) - y * z; };
  const double first = (bce(0.4, 1) + bce(-2, 1)) / 2, second = (bce(1, 0) + bce(-0.3, 0)) / 2;
  const std::vector<real> logits = {real(0.4), -2, 1, real(-0.3)};
  const auto plain = train::answers(batch, task, models::ClassMap(2));
  CHECK(plain.labels.to_vector() == std::vector<real>{1, 1, 0, 0});
  const Variable mean = train::task_loss(leaf(logits, {2, 2}), plain);
  CHECK(static_cast<double>(mean.value().item()) ==
        doctest::Approx((first + second) / 2).epsilon(1e-6));
  const auto weighted = train::answers(batch, task, models::ClassMap(2), {.uses_weights = true});
  const Variable loss = train::task_loss(leaf(logits, {2, 2}), weighted);
  CHECK(static_cast<double>(loss.value().item()) ==
        doctest::Approx((first + 3 * second) / 4).epsilon(1e-6));
}

TEST_CASE("task loss: weights that sum to 0 make a loss of 0 without a gradient") {
  for (const auto type : {ProblemType::single_label_classification, ProblemType::regression,
                          ProblemType::multi_label_classification}) {
    const bool is_regression = type == ProblemType::regression;
    const int64_t width = is_regression ? 1 : 3;
    data::Batch batch = batch_of({0, 2}, {0, 0});
    batch.scores = {1.5f, -2};
    batch.classes = {{1}, {0, 2}};
    const auto answers = train::answers(batch, task_of(type, is_regression ? 0 : width),
                                        models::ClassMap(width), {.uses_weights = true});
    const Variable logits =
        leaf(std::vector<real>(static_cast<size_t>(2 * width), real(0.7)), {2, width});
    const Variable loss = train::task_loss(logits, answers);
    CHECK(loss.value().item() == 0);
    backward(loss);
    for (const real gradient : logits.grad().to_vector()) CHECK(gradient == 0);
  }
}

TEST_CASE("task loss: regression weighs squared differences") {
  const data::Task task = task_of(ProblemType::regression, 0);
  data::Batch batch = batch_of({-1, -1}, {1, 3});
  batch.scores = {1, -2};
  const auto answers = train::answers(batch, task, models::ClassMap(1), {.uses_weights = true});
  const Variable loss = train::task_loss(leaf({3, -1}, {2, 1}), answers);
  CHECK(static_cast<double>(loss.value().item()) == doctest::Approx((4 + 3 * 1) / 4.0));
}

// SPDX-License-Identifier: Apache-2.0
