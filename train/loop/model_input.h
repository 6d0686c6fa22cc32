// Between data and models: a batch as a model's input, and the task's loss of its logits.
#pragma once

#include "autograd/variable.h"
#include "data/batch.h"
#include "models/model.h"

namespace soragrad::train {

// The batch as the model reads it, filled up to the sizes. Throws where the model cannot take it.
models::HostInput host_input(const models::SequenceClassifier& model, const data::Batch& batch,
                             const models::InputSizes& sizes = {});
models::ModelInput model_input(const models::SequenceClassifier& model, const data::Batch& batch,
                               Device device);

// What the loss of a batch compares logits with, on the host (rows): labels I64, or for regression
// scores. Throws where a row has no label, or one that the model does not know.
Tensor answers(const data::Batch& batch, bool regression, int64_t num_labels);
// Mean over the rows: cross-entropy of logits (rows, classes) where the answers are labels, else
// the squared difference of logits (rows, 1) and scores. -> ().
Variable task_loss(const Variable& logits, const Tensor& answers);

}  // namespace soragrad::train
