// The loss of a task: what logits are compared with, and the comparison.
#pragma once

#include "autograd/variable.h"
#include "data/batch.h"

namespace soragrad::train {

// What the loss of a batch compares logits with, on the host (rows): labels I64, or for regression
// scores. Throws where a row has no label, or one that the model does not know.
Tensor answers(const data::Batch& batch, bool regression, int64_t num_labels);
// Mean over the rows: cross-entropy of logits (rows, classes) where the answers are labels, else
// the squared difference of logits (rows, 1) and scores. -> ().
Variable task_loss(const Variable& logits, const Tensor& answers);

}  // namespace soragrad::train
