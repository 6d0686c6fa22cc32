// The loss of a task: what logits are compared with, and the comparison.
#pragma once

#include "autograd/variable.h"
#include "data/batch.h"
#include "data/task.h"
#include "models/labels.h"
#include "models/model.h"

namespace soragrad::train {

// Where the task's classes are in the model, by name. Without names, and for regression, they have
// the same numbers. Throws if the model's classes are others.
models::ClassMap class_map(const models::SequenceClassifier& model, const data::Task& task);

// What the loss of a batch compares logits with, on the host (rows): labels I64 in the model's
// order of classes, or for regression scores. Throws if a row has no label, or one that the task
// does not have.
Tensor answers(const data::Batch& batch, bool regression, const models::ClassMap& classes);
// Mean over the rows: cross-entropy of logits (rows, classes) where the answers are labels, else
// the squared difference of logits (rows, 1) and scores. -> ().
Variable task_loss(const Variable& logits, const Tensor& answers);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
