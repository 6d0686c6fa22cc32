#include "train/loop/model_input.h"

#include <vector>

#include "autograd/ops.h"
#include "core/error.h"

namespace soragrad::train {

models::HostInput host_input(const models::SequenceClassifier& model, const data::Batch& batch,
                             const models::InputSizes& sizes) {
  models::HostInput host =
      models::host_input(batch.input_ids, batch.token_type_ids, batch.offsets, sizes);
  model.complete(host);
  return host;
}

models::ModelInput model_input(const models::SequenceClassifier& model, const data::Batch& batch,
                               Device device) {
  return models::upload(host_input(model, batch), device);
}

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
