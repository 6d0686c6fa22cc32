// Ops over rows: layer normalisation, with dropout and residual sum fused in, and softmax.
#include "autograd/ops.h"
#include "autograd/ops/delta_operand.h"
#include "autograd/ops/input_gradient.h"
#include "autograd/ops/operands.h"
#include "autograd/ops/rows.h"
#include "core/kernels/norm/layer_norm_operand.h"
#include "core/kernels/norm/softmax.h"

namespace soragrad {
namespace {

using OperandOf = std::shared_ptr<DeltaOperand>;

struct NormSettings {
  double eps;
  double p;  // of dropout: of x if there is a residual, else of the result
  RandomStream stream;
  Tensor table, index;  // defined if x is unread_rows() of them
};

// Numbers of the inputs, in record()'s order.
constexpr size_t kX = 0, kWeight = 1, kBias = 2, kResidual = 3;

// Throws unless weight and bias have one element for each column of x.
void require_norm_shapes(const char* op, const Variable& x, const Variable& weight,
                         const Variable& bias) {
  require(x.shape().rank() >= 1 && weight.shape() == Shape{x.size(-1)} &&
              bias.shape() == Shape{x.size(-1)},
          "[{}] weight {} and bias {} do not fit x {}; they have one element a column.", op,
          weight.shape(), bias.shape(), x.shape());
}

// The kernel writes ds, the gradient of dropout(x) + residual. The residual's gradient is ds; x's
// is dropout(ds), which may overwrite ds if the residual does not want it. `before` is the operand
// of x's gradient, for the product that made x; null: there is none.
void norm_backward(const Tensor& dy, const NormState& state, const Tensor& weight,
                   const NormSettings& settings, bool residual, const OperandOf& before,
                   Gradients& gradients) {
  const auto empty_if = [](bool wanted, const Tensor& like) {
    return wanted ? Tensor::empty_like(like) : Tensor();
  };
  const bool wants_residual = residual && gradients.wanted(kResidual);
  const bool drops = residual && settings.p > 0;
  const Tensor ds = empty_if(gradients.wanted(kX) || wants_residual, dy);
  // dx stays undefined if ds itself can be overwritten by dropout(ds).
  const bool drop_here = drops && gradients.wanted(kX);
  const Tensor dx = drop_here ? empty_if(wants_residual, dy) : Tensor();
  const InputGradient dweight(gradients, kWeight, weight.shape(), dy.device());
  const InputGradient dbias(gradients, kBias, weight.shape(), dy.device());
  const kernels::LayerNormBackwardArgs args{
      .dy = dy.data(),
      .normalised = state.normalised.data(),
      .rstd = state.rstd.data(),
      .weight = weight.data(),
      .ds = data_or_null(ds),
      .dx = drop_here ? data_or_null(dx.defined() ? dx : ds) : nullptr,
      .dweight = dweight.get(),
      .dbias = dbias.get(),
      .rows = state.rstd.numel(),
      .hidden = weight.numel(),
      .drop_threshold = drop_threshold(settings.p),
      .keep_scale = static_cast<real>(1 / (1 - settings.p)),
      .stream = settings.stream};
  const Tensor& of_x = dx.defined() ? dx : ds;
  if (before && gradients.wanted(kX)) {
    kernels::layer_norm_operand_backward(dy.device(), {args, before->begin(of_x)});
  } else {
    kernels::layer_norm_backward(dy.device(), args);
  }
  if (gradients.wanted(kX)) gradients.add(kX, of_x);
  if (wants_residual) gradients.add(kResidual, ds);
  dweight.hand_over(gradients);
  dbias.hand_over(gradients);
}

// Computes the norm; fills the state and makes the operand of y, if there are any.
Tensor norm_value(const Variable& x, const Variable& residual, const Variable& weight,
                  const Variable& bias, const NormSettings& settings, NormState* state,
                  const OperandOf& next) {
  Tensor y = Tensor::empty_like(x.value());
  if (state) *state = {Tensor::empty_like(y), Tensor::empty({x.shape().rows()}, kReal, x.device())};
  const kernels::LayerNormArgs args{
      .x = (settings.table.defined() ? settings.table : x.value()).data(),
      .residual = data_or_null(residual.value()),
      .weight = weight.value().data(),
      .bias = bias.value().data(),
      .y = y.data(),
      .normalised = state ? state->normalised.data() : nullptr,
      .rstd = state ? state->rstd.data() : nullptr,
      .rows = x.shape().rows(),
      .hidden = x.size(-1),
      .eps = static_cast<real>(settings.eps),
      .drop_threshold = drop_threshold(settings.p),
      .keep_scale = static_cast<real>(1 / (1 - settings.p)),
      .stream = settings.stream,
      .index = settings.index.defined() ? settings.index.data<int64_t>() : nullptr};
  if (next) {
    kernels::layer_norm_operand(x.device(), {args, next->begin(y)});
  } else {
    kernels::layer_norm(x.device(), args);
  }
  return y;
}

// All ops: without residual sum if `residual` is undefined.
Variable norm(const char* op, const Variable& x, const Variable& residual, const Variable& weight,
              const Variable& bias, const NormSettings& settings, const NormLinks& links) {
  require_one_device(op, {{"x", x.value()},
                          {"weight", weight.value()},
                          {"bias", bias.value()},
                          {"residual", residual.value()}});
  require_norm_shapes(op, x, weight, bias);
  std::vector<Variable> inputs = {x, weight, bias};
  if (residual.defined()) inputs.push_back(residual);
  NormState own;
  NormState* const state = links.state ? links.state : grad_wanted(inputs) ? &own : nullptr;
  const bool filled = state && state->rstd.defined();
  require(!filled || (state->normalised.defined() && state->normalised.shape() == x.shape() &&
                      state->rstd.numel() == x.shape().rows()),
          "[{}] the state {} was filled by a norm of another shape than {}.", op,
          state ? state->normalised.shape() : Shape{}, x.shape());
  const OperandOf next = links.next && !filled ? DeltaOperand::of_value(*links.next) : nullptr;
  Tensor y = filled ? Tensor::zeros(x.shape(), kReal, x.device())
                    : norm_value(x, residual, weight, bias, settings, state, next);
  const NormState kept = state ? *state : NormState();
  const Tensor kept_weight = weight.value();
  const bool has_residual = residual.defined();
  const OperandOf before = operand_of_gradient(x, 1);
  Variable result =
      record(op, std::move(y), std::move(inputs), [=](const Tensor& dy, Gradients& gradients) {
        // No gradient is wanted of this dropout, so it is not recorded.
        const bool of_dropped = !has_residual && settings.p > 0;
        const Tensor arrived =
            of_dropped ? dropout(Variable(dy), settings.p, settings.stream).value() : dy;
        norm_backward(arrived, kept, kept_weight, settings, has_residual, before, gradients);
      });
  result.set_operand(next);
  return result;
}

}  // namespace

Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps) {
  return norm("layer_norm", x, Variable(), weight, bias, {eps, 0, {}, {}, {}}, {});
}

Variable dropped_layer_norm(const Variable& x, const Variable& weight, const Variable& bias,
                            double eps, double p, const RandomStream& stream,
                            const DeltaProduct* next) {
  require(p >= 0 && p < 1, "[dropped_layer_norm] the dropout is {}; it must be in [0, 1).", p);
  return norm("dropped_layer_norm", x, Variable(), weight, bias, {eps, p, stream, {}, {}},
              {.next = next});
}

Variable dropped_layer_norm(const TableRows& x, const Variable& weight, const Variable& bias,
                            double eps, double p, const RandomStream& stream,
                            const DeltaProduct* next) {
  require(p >= 0 && p < 1, "[dropped_layer_norm] the dropout is {}; it must be in [0, 1).", p);
  const NormSettings settings{eps, p, stream, x.table.value(), x.ids};
  return norm("dropped_layer_norm", unread_rows(x), Variable(), weight, bias, settings,
              {.next = next});
}

Variable residual_layer_norm(const Variable& x, const Variable& residual, const Variable& weight,
                             const Variable& bias, double eps, double p, const RandomStream& stream,
                             const NormLinks& links) {
  require(x.shape() == residual.shape(), "[residual_layer_norm] residual {} does not fit x {}.",
          residual.shape(), x.shape());
  require(p >= 0 && p < 1, "[residual_layer_norm] the dropout is {}; it must be in [0, 1).", p);
  return norm("residual_layer_norm", x, residual, weight, bias, {eps, p, stream, {}, {}}, links);
}

Variable softmax(const Variable& x) {
  require_one_device("softmax", {{"x", x.value()}});
  require(x.shape().rank() >= 1, "[softmax] a scalar has no rows.");
  const int64_t rows = x.shape().rows(), columns = x.size(-1);
  const Tensor y = Tensor::empty_like(x.value());
  kernels::softmax(x.device(), {x.value().data(), y.data(), rows, columns});
  return record("softmax", y, {x}, [=](const Tensor& dy, Gradients& gradients) {
    Tensor dx = Tensor::empty_like(dy);
    kernels::softmax_backward(dy.device(), {y.data(), dy.data(), dx.data(), rows, columns});
    gradients.add(0, std::move(dx));
  });
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
