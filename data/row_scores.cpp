#include "data/row_scores.h"

#include <algorithm>
#include <cmath>

namespace soragrad::data {
namespace {

// log(sum of exp): the largest logit is taken out first, because exp overflows above 709.
double log_sum_exp(std::span<const float> logits) {
  const auto largest = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - largest);
  return largest + std::log(sum);
}

double binary_cross_entropy(std::span<const float> logits, std::span<const int32_t> present) {
  double sum = 0;
  for (const float logit : logits) {
    const auto z = static_cast<double>(logit);
    sum += std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z)));
  }
  for (const int32_t number : present) {
    sum -= static_cast<double>(logits[static_cast<size_t>(number)]);
  }
  return sum / static_cast<double>(logits.size());
}

}  // namespace

std::vector<double> row_probabilities(const Task& task, std::span<const float> logits) {
  std::vector<double> probabilities;
  if (task.regression() || logits.empty()) return probabilities;
  const bool is_multi = task.problem_type == ProblemType::multi_label_classification;
  const double total = is_multi ? 0 : log_sum_exp(logits);
  for (const float logit : logits) {
    const auto z = static_cast<double>(logit);
    probabilities.push_back(is_multi ? 1 / (1 + std::exp(-z)) : std::exp(z - total));
  }
  return probabilities;
}

double row_loss(const Task& task, std::span<const float> logits, const Example& row) {
  switch (task.problem_type) {
    case ProblemType::regression: {
      const auto score = static_cast<float>(row.score);  // as in training
      const double difference = static_cast<double>(logits[0]) - static_cast<double>(score);
      return difference * difference;
    }
    case ProblemType::multi_label_classification:
      return binary_cross_entropy(logits, row.classes);
    case ProblemType::single_label_classification:
      break;
  }
  return log_sum_exp(logits) - static_cast<double>(logits[static_cast<size_t>(row.label)]);
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
