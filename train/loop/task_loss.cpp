#include "train/loop/task_loss.h"

#include <vector>

#include "autograd/ops.h"
#include "core/error.h"

namespace soragrad::train {

models::ClassMap class_map(const models::SequenceClassifier& model, const data::Task& task) {
  const models::ModelConfig& config = model.config();
  if (task.regression() || !models::are_named(config.label_names)) {
    return models::ClassMap(config.num_labels);
  }
  return models::class_map(config.label_names, task.labels);
}

Tensor answers(const data::Batch& batch, bool regression, const models::ClassMap& classes) {
  const Shape shape{batch.sequences()};
  if (regression) {
    return Tensor::from(std::vector<real>(batch.scores.begin(), batch.scores.end()), shape);
  }
  std::vector<int64_t> labels;
  for (size_t i = 0; i < batch.labels.size(); ++i) {
    const int64_t label = batch.labels[i];
    require(label >= 0 && label < classes.size(),
            "[task_loss] row {} has label {}; the model knows {} labels.", batch.rows[i], label,
            classes.size());
    labels.push_back(classes[label]);
  }
  return Tensor::from(labels, shape);
}

Variable task_loss(const Variable& logits, const Tensor& answers) {
  require(logits.shape().rank() == 2 && logits.size(0) == answers.numel(),
          "[task_loss] logits {} do not fit {} rows.", logits.shape(), answers.numel());
  return answers.dtype() == DType::i64 ? cross_entropy(logits, answers) : mse(logits, answers);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
