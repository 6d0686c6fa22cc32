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

// What makes the loss of a row more than that of its label.
struct LossOptions {
  bool uses_weights = false;  // data::Batch::weights
  double label_smoothing = 0;
};

// What the loss of a batch compares logits with.
struct Answers {
  // (rows): I64 in the model's order of classes, or scores in regression. (rows, classes): 0 and 1
  // if a row may have several classes.
  Tensor labels;
  // (rows): each row's part of the loss, 0 in all rows if the weights sum to 0. Undefined: all rows
  // count alike.
  Tensor shares;
  double smoothing = 0;

  Answers to(Device device) const;
};

// The answers of a batch, on the host. Throws if a row has no label, or one that the task does not
// have.
Answers answers(const data::Batch& batch, const data::Task& task, const models::ClassMap& classes,
                const LossOptions& options = {});

// The loss of logits (rows, classes), or (rows, 1) in regression: the mean over the rows, or the
// weighted mean, of the cross-entropy, of the mean binary cross-entropy over the classes, or of the
// squared difference. -> ().
Variable task_loss(const Variable& logits, const Answers& answers);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
