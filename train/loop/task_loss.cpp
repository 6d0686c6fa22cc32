#include "train/loop/task_loss.h"

#include <vector>

#include "autograd/ops.h"
#include "core/error.h"

namespace soragrad::train {

Tensor answers(const data::Batch& batch, bool regression, int64_t num_labels) {
  const Shape shape{batch.sequences()};
  if (regression) {
    return Tensor::from(std::vector<real>(batch.scores.begin(), batch.scores.end()), shape);
  }
  for (size_t i = 0; i < batch.labels.size(); ++i) {
    require(batch.labels[i] >= 0 && batch.labels[i] < num_labels,
            "[task_loss] row {} has label {}; the model knows {} labels.", batch.rows[i],
            batch.labels[i], num_labels);
  }
  return Tensor::from(batch.labels, shape);
}

Variable task_loss(const Variable& logits, const Tensor& answers) {
  require(logits.shape().rank() == 2 && logits.size(0) == answers.numel(),
          "[task_loss] logits {} do not fit {} rows.", logits.shape(), answers.numel());
  return answers.dtype() == DType::i64 ? cross_entropy(logits, answers) : mse(logits, answers);
}

}  // namespace soragrad::train
