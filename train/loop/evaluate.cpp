#include "train/loop/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/graph.h"
#include "core/communicator.h"
#include "core/error.h"
#include "core/profile.h"
#include "data/batch.h"
#include "data/row_scores.h"
#include "train/loop/interrupt.h"
#include "train/loop/task_loss.h"
#include "train/run/number_text.h"

namespace soragrad::train {

namespace {

// The first module whose output for this row is not finite, for a message; "" if all are.
std::string first_broken_module(models::SequenceClassifier& model, const Rows& rows, int64_t row) {
  std::string first;
  nn::Pass pass;
  pass.observe = [&](const std::string& path, const Variable& output) {
    if (!first.empty()) return;
    const std::vector<real> values = output.value().to_vector();
    if (std::ranges::any_of(values, [](real x) { return !std::isfinite(x); })) first = path;
  };
  model.forward(data::collate(rows.encoded, rows.dataset.rows, {&row, 1}), pass);
  return first;
}

// Throws naming the first row whose logits (rows, labels) are not all finite.
void require_finite(models::SequenceClassifier& model, const Rows& rows,
                    std::span<const float> logits) {
  const auto broken = std::ranges::find_if(logits, [](float x) { return !std::isfinite(x); });
  if (broken == logits.end()) return;
  const auto at = static_cast<int64_t>(broken - logits.begin());
  const int64_t row = at / model.config().num_labels;
  const std::string module = first_broken_module(model, rows, row);
  fail(
      "[logits] {}: a logit of row {} (from 0) is {}, which is not finite{}{}; weights are "
      "damaged, or training diverged.",
      rows.dataset.path, row, number_text(*broken),
      module.empty() ? "" : ". The first such output is that of ", module);
}

}  // namespace

std::vector<float> compute_logits(models::SequenceClassifier& model, const Rows& rows,
                                  int64_t batch_size, bool stoppable) {
  const auto labels = static_cast<size_t>(model.config().num_labels);
  std::vector<int64_t> order(static_cast<size_t>(rows.size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return rows.encoded[static_cast<size_t>(a)].ids.size() >
           rows.encoded[static_cast<size_t>(b)].ids.size();
  });
  std::vector<float> logits(order.size() * labels);
  const NoGrad no_grad;
  const nn::Pass pass;
  Communicator& all = world();
  int64_t batch_number = -1;  // batch b is process b % size's
  for (size_t begin = 0; begin < order.size(); begin += static_cast<size_t>(batch_size)) {
    if (stoppable) stop_if_interrupted();
    if (++batch_number % all.size() != all.rank()) continue;
    const profile::Span span("evaluation");
    const size_t end = std::min(order.size(), begin + static_cast<size_t>(batch_size));
    const data::Batch batch =
        data::collate(rows.encoded, rows.dataset.rows, {order.data() + begin, end - begin});
    const std::vector<real> values = model.forward(batch, pass).value().to_vector();
    for (size_t i = begin; i < end; ++i) {
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>((i - begin) * labels), labels,
                  logits.begin() + order[i] * static_cast<std::ptrdiff_t>(labels));
    }
  }
  all.merge_values(std::span(logits));
  require_finite(model, rows, logits);
  class_map(model, *rows.dataset.task).reorder(logits);
  return logits;
}

Evaluation score_logits(const Rows& rows, std::span<const float> logits) {
  const data::Task& task = *rows.dataset.task;
  const auto labels = static_cast<size_t>(task.num_labels());
  Evaluation result{data::compute_metrics(task, logits, rows.dataset.rows), 0};
  for (size_t i = 0; i < rows.dataset.rows.size(); ++i) {
    result.loss += data::row_loss(task, logits.subspan(i * labels, labels), rows.dataset.rows[i]);
  }
  result.loss /= static_cast<double>(rows.size());
  return result;
}

Evaluation evaluate(models::SequenceClassifier& model, const Rows& rows, int64_t batch_size,
                    bool stoppable) {
  require(rows.dataset.labelled, "[eval] {} has no labels to compare with; use predict instead.",
          rows.dataset.path);
  return score_logits(rows, compute_logits(model, rows, batch_size, stoppable));
}

data::Metrics majority_baseline(const data::Dataset& train, const data::Dataset& rows) {
  const data::Task& task = *rows.task;
  const auto labels = static_cast<size_t>(task.num_labels());
  if (task.regression()) {
    double sum = 0;
    for (const data::Example& row : train.rows) sum += row.score;
    const std::vector<double> means(rows.rows.size(), sum / static_cast<double>(train.size()));
    return data::score_metrics(task, means, rows.rows);
  }
  std::vector<float> answer(labels);
  if (task.problem_type == data::ProblemType::multi_label_classification) {
    // A class is answered if at least half of the rows have it.
    for (float& logit : answer) logit = -0.5f * static_cast<float>(train.size());
    for (const data::Example& row : train.rows) {
      for (const int32_t number : row.classes) answer[static_cast<size_t>(number)] += 1;
    }
  } else {
    for (const data::Example& row : train.rows) answer[static_cast<size_t>(row.label)] += 1;
  }
  std::vector<float> logits;
  for (int64_t i = 0; i < rows.size(); ++i) {
    logits.insert(logits.end(), answer.begin(), answer.end());
  }
  return data::compute_metrics(task, logits, rows.rows);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
