// Between data and models: a batch as a model's input, and the task's loss of its logits.
#pragma once

#include "autograd/variable.h"
#include "data/batch.h"
#include "models/model.h"

namespace soragrad::train {

models::ModelInput model_input(const data::Batch& batch, Device device);

// Mean over the rows: cross-entropy of logits (rows, classes), or for regression the squared
// difference of logits (rows, 1) and scores. -> (). Throws where a row has no label.
Variable task_loss(const Variable& logits, const data::Batch& batch, bool regression);

}  // namespace soragrad::train
