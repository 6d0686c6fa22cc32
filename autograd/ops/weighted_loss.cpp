// Losses of rows with weights, of smoothed labels and of several classes at once.
#include "autograd/ops.h"
#include "autograd/ops/operands.h"
#include "core/kernels/loss/weighted.h"

namespace soragrad {
namespace {

void require_shares(const char* op, const Tensor& outputs, const Tensor& shares) {
  require_one_device(op, {{"outputs", outputs}, {"shares", shares}});
  require(outputs.shape().rank() == 2 && outputs.size(0) > 0 && outputs.size(1) > 0 &&
              shares.dtype() == kReal && shares.shape() == Shape{outputs.size(0)},
          "[{}] shares {} of {} do not fit outputs {}; one {} a row is needed.", op, shares.shape(),
          name_of(shares.dtype()), outputs.shape(), name_of(kReal));
}

using TargetsKernel = kernels::Kernel<kernels::WeightedTargetsArgs>;

// An op of outputs and targets of the same shape.
Variable targets_loss(const char* op, const TargetsKernel& forward, const TargetsKernel& backward,
                      const Variable& outputs, const Tensor& targets, const Tensor& shares) {
  const Tensor x = outputs.value();
  require_shares(op, x, shares);
  require_one_device(op, {{"outputs", x}, {"targets", targets}});
  require(targets.dtype() == kReal && targets.numel() == x.numel() && targets.shape().rank() >= 1 &&
              targets.size(0) == x.size(0),
          "[{}] targets {} do not fit outputs {}.", op, targets.shape(), x.shape());
  Tensor loss = Tensor::empty(Shape{}, kReal, x.device());
  kernels::WeightedTargetsArgs args{.outputs = x.data(),
                                    .targets = targets.data(),
                                    .shares = shares.data(),
                                    .loss = loss.data(),
                                    .rows = x.size(0),
                                    .classes = x.size(1)};
  forward(x.device(), args);
  return record(op, std::move(loss), {outputs}, [=](const Tensor& dloss, Gradients& gradients) {
    Tensor dx = Tensor::empty_like(x);
    kernels::WeightedTargetsArgs of_backward = args;
    of_backward.targets = targets.data();
    of_backward.shares = shares.data();
    of_backward.dloss = dloss.data();
    of_backward.doutputs = dx.data();
    backward(x.device(), of_backward);
    gradients.add(0, std::move(dx));
  });
}

}  // namespace

Variable weighted_cross_entropy(const Variable& logits, const Tensor& labels, const Tensor& shares,
                                real smoothing) {
  const Tensor x = logits.value();
  require_shares("weighted_cross_entropy", x, shares);
  require_labels("weighted_cross_entropy", x, labels);
  require(smoothing >= 0 && smoothing <= 1,
          "[weighted_cross_entropy] a label smoothing of {}; it is from 0 to 1.", smoothing);
  Tensor loss = Tensor::empty(Shape{}, kReal, x.device());
  const kernels::WeightedCrossEntropyArgs args{.logits = x.data(),
                                               .labels = labels.data<int64_t>(),
                                               .shares = shares.data(),
                                               .smoothing = smoothing,
                                               .loss = loss.data(),
                                               .rows = x.size(0),
                                               .classes = x.size(1)};
  kernels::weighted_cross_entropy(x.device(), args);
  return record("weighted_cross_entropy", std::move(loss), {logits},
                [=](const Tensor& dloss, Gradients& gradients) {
                  Tensor dlogits = Tensor::empty_like(x);
                  kernels::WeightedCrossEntropyArgs of_backward = args;
                  of_backward.labels = labels.data<int64_t>();
                  of_backward.shares = shares.data();
                  of_backward.dloss = dloss.data();
                  of_backward.dlogits = dlogits.data();
                  kernels::weighted_cross_entropy_backward(x.device(), of_backward);
                  gradients.add(0, std::move(dlogits));
                });
}

Variable weighted_binary_cross_entropy(const Variable& logits, const Tensor& targets,
                                       const Tensor& shares) {
  return targets_loss("weighted_binary_cross_entropy", kernels::weighted_binary_cross_entropy,
                      kernels::weighted_binary_cross_entropy_backward, logits, targets, shares);
}

Variable weighted_mse(const Variable& predictions, const Tensor& targets, const Tensor& shares) {
  require(predictions.shape().rank() == 2 && predictions.size(1) == 1,
          "[weighted_mse] predictions {}; (rows, 1) are needed.", predictions.shape());
  return targets_loss("weighted_mse", kernels::weighted_mse, kernels::weighted_mse_backward,
                      predictions, targets, shares);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
