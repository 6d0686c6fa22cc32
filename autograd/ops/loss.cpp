// Ops whose result is one number: losses, and the regularizers that methods add to them.
#include "autograd/ops.h"
#include "autograd/ops/input_gradient.h"
#include "autograd/ops/operands.h"
#include "core/kernels/loss/cross_entropy.h"
#include "core/kernels/loss/orthogonality.h"
#include "core/kernels/loss/sums.h"

namespace soragrad {
namespace {

// A tensor of shape ().
Tensor empty_scalar(Device device) {
  return Tensor::empty(Shape{}, kReal, device);
}

std::vector<Tensor> values_of(std::span<const Variable> variables) {
  std::vector<Tensor> values;
  for (const Variable& variable : variables) values.push_back(variable.value());
  return values;
}

// A gradient target for each input of an op with many inputs.
std::vector<InputGradient> targets_like(const std::vector<Tensor>& inputs,
                                        const Gradients& gradients) {
  std::vector<InputGradient> targets;
  for (size_t i = 0; i < inputs.size(); ++i) {
    targets.emplace_back(gradients, i, inputs[i].shape(), inputs[i].device());
  }
  return targets;
}

// Throws unless all inputs are there, on one device.
void check_inputs(const char* op, const std::vector<Tensor>& inputs) {
  for (const Tensor& x : inputs) {
    require(x.defined(), "[{}] one of the inputs is undefined.", op);
    require_one_device(op, {{"the first input", inputs[0]}, {"another", x}});
  }
}

}  // namespace

void require_labels(const char* op, const Tensor& logits, const Tensor& labels) {
  require_one_device(op, {{"logits", logits}, {"labels", labels}});
  require(logits.shape().rank() == 2 && logits.size(1) > 0 && labels.dtype() == DType::i64 &&
              labels.shape() == Shape{logits.size(0)},
          "[{}] labels {} of {} do not fit logits {}; one I64 a row is needed.", op, labels.shape(),
          name_of(labels.dtype()), logits.shape());
  if (labels.device() != Device::cpu) return;
  const int64_t* values = labels.data<int64_t>();
  for (int64_t row = 0; row < labels.numel(); ++row) {
    require(values[row] >= 0 && values[row] < logits.size(1),
            "[{}] label {} of row {} is none of the {} classes.", op, values[row], row,
            logits.size(1));
  }
}

Variable cross_entropy(const Variable& logits, const Tensor& labels) {
  const Tensor x = logits.value();
  require_labels("cross_entropy", x, labels);
  require(x.size(0) > 0, "[cross_entropy] logits {} have no rows to take the mean of.", x.shape());
  const int64_t rows = x.size(0), classes = x.size(1);
  Tensor loss = empty_scalar(x.device());
  kernels::cross_entropy(x.device(),
                         {x.data(), labels.data<int64_t>(), loss.data(), rows, classes});
  return record(
      "cross_entropy", std::move(loss), {logits}, [=](const Tensor& dloss, Gradients& gradients) {
        // The kernel reads an element before it writes it, so that it may work in place.
        Tensor dlogits = x.storage().use_count() == 1 ? x : Tensor::empty_like(x);
        kernels::cross_entropy_backward(x.device(), {x.data(), labels.data<int64_t>(), dloss.data(),
                                                     dlogits.data(), rows, classes});
        gradients.add(0, std::move(dlogits));
      });
}

// The gradient reads the input, which is kept; nothing else is.
Variable mse(const Variable& predictions, const Tensor& targets) {
  const Tensor x = predictions.value();
  require_one_device("mse", {{"predictions", x}, {"targets", targets}});
  require(x.numel() == targets.numel() && x.numel() > 0 && targets.dtype() == kReal &&
              (x.shape().rank() == 1 || (x.shape().rank() == 2 && x.size(1) == 1)),
          "[mse] targets {} of {} do not fit predictions {}; one {} a row is needed.",
          targets.shape(), name_of(targets.dtype()), x.shape(), name_of(kReal));
  Tensor loss = empty_scalar(x.device());
  kernels::mse(x.device(), {x.data(), targets.data(), loss.data(), x.numel()});
  return record("mse", std::move(loss), {predictions},
                [=](const Tensor& dloss, Gradients& gradients) {
                  Tensor dx = Tensor::empty_like(x);
                  kernels::mse_backward(
                      x.device(), {x.data(), targets.data(), dloss.data(), dx.data(), x.numel()});
                  gradients.add(0, std::move(dx));
                });
}

Variable sum(const Variable& x) {
  require_one_device("sum", {{"x", x.value()}});
  Tensor y = empty_scalar(x.device());
  kernels::sum(x.device(), {x.value().data(), y.data(), x.value().numel()});
  const Shape shape = x.shape();
  return record("sum", std::move(y), {x}, [shape](const Tensor& dy, Gradients& gradients) {
    Tensor dx = Tensor::empty(shape, kReal, dy.device());
    kernels::sum_backward(dy.device(), {dy.data(), dx.data(), dx.numel()});
    gradients.add(0, std::move(dx));
  });
}

// One kernel reads up to MeanAbsArgs::kMaxParts arrays; with more parts, several launches add to y.
// Gates are many and small, so a launch for each would cost more than the arithmetic.
Variable mean_abs(std::span<const Variable> parts, real factor) {
  require(!parts.empty(), "[mean_abs] there is nothing to take the mean of.");
  const std::vector<Tensor> inputs = values_of(parts);
  check_inputs("mean_abs", inputs);
  int64_t elements = 0;
  for (const Tensor& x : inputs) elements += x.numel();
  require(elements > 0, "[mean_abs] there is nothing to take the mean of.");
  const Device device = inputs[0].device();
  const real share = factor / static_cast<real>(elements);
  Tensor y = empty_scalar(device);
  kernels::MeanAbsArgs args{.factor = share, .y = y.data()};
  using Part = kernels::MeanAbsArgs::Part;
  kernels::for_groups(
      inputs.size(), args,
      [&](size_t i) {
        return Part{inputs[i].data(), {}, inputs[i].numel()};
      },
      [&](auto& group) {
        kernels::mean_abs(device, group);
        group.adds = true;  // the next group
      });
  return record("mean_abs", std::move(y), {parts.begin(), parts.end()},
                [=](const Tensor& dy, Gradients& gradients) {
                  const std::vector<InputGradient> targets = targets_like(inputs, gradients);
                  kernels::for_groups(
                      inputs.size(), kernels::MeanAbsArgs{.factor = share, .dy = dy.data()},
                      [&](size_t i) {
                        return Part{inputs[i].data(), targets[i].get(), inputs[i].numel()};
                      },
                      [&](const auto& group) { kernels::mean_abs_backward(device, group); });
                  for (const InputGradient& target : targets) target.hand_over(gradients);
                });
}

// Parts are the rows, then the columns. `grams` keeps each part's G for backward: rank x rank, far
// smaller than the matrices.
Variable orthogonality(std::span<const Variable> rows, std::span<const Variable> columns,
                       real factor) {
  std::vector<Variable> parts(rows.begin(), rows.end());
  parts.insert(parts.end(), columns.begin(), columns.end());
  require(!parts.empty(), "[orthogonality] there is no matrix.");
  const std::vector<Tensor> inputs = values_of(parts);
  check_inputs("orthogonality", inputs);
  std::vector<Tensor> grams;
  for (size_t i = 0; i < inputs.size(); ++i) {
    require(inputs[i].shape().rank() == 2, "[orthogonality] {} is no matrix.", inputs[i].shape());
    const int64_t rank = inputs[i].size(i < rows.size() ? 0 : 1);
    grams.push_back(Tensor::empty({rank, rank}, kReal, inputs[i].device()));
  }
  const auto make_part = [inputs, grams, row_parts = rows.size()](size_t i,
                                                                  kernels::GradientTarget dx) {
    const bool is_columns = i >= row_parts;
    return kernels::OrthogonalityArgs::Part{.x = inputs[i].data(),
                                            .dx = dx,
                                            .gram = grams[i].data(),
                                            .rank = inputs[i].size(is_columns ? 1 : 0),
                                            .length = inputs[i].size(is_columns ? 0 : 1),
                                            .columns = is_columns};
  };
  const Device device = inputs[0].device();
  const real share = factor / static_cast<real>(inputs.size());
  Tensor y = empty_scalar(device);
  kernels::for_groups(
      inputs.size(), kernels::OrthogonalityArgs{.factor = share, .y = y.data()},
      [&](size_t i) { return make_part(i, {}); },
      [&](auto& group) {
        kernels::orthogonality(device, group);
        group.adds = true;  // the next group
      });
  return record("orthogonality", std::move(y), std::move(parts),
                [=](const Tensor& dy, Gradients& gradients) {
                  const std::vector<InputGradient> targets = targets_like(inputs, gradients);
                  kernels::for_groups(
                      inputs.size(), kernels::OrthogonalityArgs{.factor = share, .dy = dy.data()},
                      [&](size_t i) { return make_part(i, targets[i].get()); },
                      [&](const auto& group) { kernels::orthogonality_backward(device, group); });
                  for (const InputGradient& target : targets) target.hand_over(gradients);
                });
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
