#include "train/model_input.h"

#include <vector>

#include "autograd/ops.h"
#include "core/error.h"

namespace soragrad::train {

models::ModelInput model_input(const data::Batch& batch, Device device) {
  return models::make_input(batch.input_ids, batch.token_type_ids, batch.offsets, device);
}

Variable task_loss(const Variable& logits, const data::Batch& batch, bool regression) {
  const int64_t rows = batch.sequences();
  require(logits.shape().rank() == 2 && logits.size(0) == rows,
          "[task_loss] logits {} do not fit {} rows.", logits.shape(), rows);
  if (regression) {
    const std::vector<real> targets(batch.scores.begin(), batch.scores.end());
    return mse(logits, Tensor::from(targets, {rows}, logits.device()));
  }
  for (size_t i = 0; i < batch.labels.size(); ++i) {
    require(batch.labels[i] >= 0 && batch.labels[i] < logits.size(1),
            "[task_loss] row {} has label {}; the model knows {} labels.", batch.rows[i],
            batch.labels[i], logits.size(1));
  }
  return cross_entropy(logits, Tensor::from(batch.labels, {rows}, logits.device()));
}

}  // namespace soragrad::train
