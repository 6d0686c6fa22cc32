#include "train/loop/task_loss.h"

#include <numeric>
#include <vector>

#include "autograd/ops.h"
#include "core/error.h"

namespace soragrad::train {

namespace {

using data::ProblemType;

Tensor class_labels(const data::Batch& batch, const models::ClassMap& classes) {
  std::vector<int64_t> labels;
  for (size_t i = 0; i < batch.labels.size(); ++i) {
    const int64_t label = batch.labels[i];
    require(label >= 0 && label < classes.size(),
            "[task_loss] row {} has label {}; the model knows {} labels.", batch.rows[i], label,
            classes.size());
    labels.push_back(classes[label]);
  }
  return Tensor::from(labels, {batch.sequences()});
}

// (rows, classes): 1 for a class that the row has.
Tensor class_targets(const data::Batch& batch, const models::ClassMap& classes) {
  const auto width = static_cast<size_t>(classes.size());
  std::vector<real> targets(static_cast<size_t>(batch.sequences()) * width);
  for (size_t i = 0; i < batch.classes.size(); ++i) {
    for (const int32_t number : batch.classes[i]) {
      require(number >= 0 && number < classes.size(),
              "[task_loss] row {} has class {}; the model knows {} classes.", batch.rows[i], number,
              classes.size());
      targets[i * width + static_cast<size_t>(classes[number])] = 1;
    }
  }
  return Tensor::from(targets, {batch.sequences(), classes.size()});
}

// Weights over their sum; zeros if the sum is 0.
Tensor shares_of(const data::Batch& batch, bool uses_weights) {
  std::vector<double> weights(static_cast<size_t>(batch.sequences()), 1.0);
  if (uses_weights) weights.assign(batch.weights.begin(), batch.weights.end());
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<real> shares;
  for (const double weight : weights) {
    shares.push_back(sum > 0 ? static_cast<real>(weight / sum) : real{0});
  }
  return Tensor::from(shares, {batch.sequences()});
}

}  // namespace

models::ClassMap class_map(const models::SequenceClassifier& model, const data::Task& task) {
  const models::ModelConfig& config = model.config();
  if (task.regression() || !models::are_named(config.label_names)) {
    return models::ClassMap(config.num_labels);
  }
  return models::class_map(config.label_names, task.labels);
}

Answers Answers::to(Device device) const {
  return {labels.to(device), shares.defined() ? shares.to(device) : Tensor(), smoothing};
}

Answers answers(const data::Batch& batch, const data::Task& task, const models::ClassMap& classes,
                const LossOptions& options) {
  Answers result;
  const bool is_multi_label = task.problem_type == ProblemType::multi_label_classification;
  switch (task.problem_type) {
    case ProblemType::single_label_classification:
      result.labels = class_labels(batch, classes);
      result.smoothing = options.label_smoothing;
      break;
    case ProblemType::multi_label_classification:
      result.labels = class_targets(batch, classes);
      break;
    case ProblemType::regression:
      result.labels = Tensor::from(std::vector<real>(batch.scores.begin(), batch.scores.end()),
                                   {batch.sequences()});
      break;
  }
  if (options.uses_weights || result.smoothing > 0 || is_multi_label) {
    result.shares = shares_of(batch, options.uses_weights);
  }
  return result;
}

Variable task_loss(const Variable& logits, const Answers& answers) {
  const Tensor& labels = answers.labels;
  require(logits.shape().rank() == 2 && logits.size(0) == labels.size(0),
          "[task_loss] logits {} do not fit answers {}.", logits.shape(), labels.shape());
  const bool has_classes = labels.dtype() == DType::i64;
  if (!answers.shares.defined()) {
    return has_classes ? cross_entropy(logits, labels) : mse(logits, labels);
  }
  if (has_classes) {
    return weighted_cross_entropy(logits, labels, answers.shares,
                                  static_cast<real>(answers.smoothing));
  }
  return labels.shape().rank() == 2 ? weighted_binary_cross_entropy(logits, labels, answers.shares)
                                    : weighted_mse(logits, labels, answers.shares);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
