// Elementwise ops. The unary ones are made from core/kernels/elementwise/unary.def.
#include "autograd/ops.h"
#include "autograd/ops/operands.h"
#include "autograd/ops/unary.h"
#include "core/kernels/elementwise/arithmetic.h"
#include "core/kernels/elementwise/dropout.h"

namespace soragrad {
namespace {

void require_alike(const char* op, const Tensor& a, const Tensor& b) {
  require_one_device(op, {{"a", a}, {"b", b}});
  require(a.shape() == b.shape(), "[{}] a {} and b {} differ; equal shapes are needed.", op,
          a.shape(), b.shape());
}

// a b, outside the graph.
Tensor product(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::empty_like(a);
  kernels::mul(a.device(), {a.data(), b.data(), y.data(), a.numel()});
  return y;
}

// factor x, outside the graph.
Tensor scaled(const Tensor& x, real factor) {
  Tensor y = Tensor::empty_like(x);
  kernels::scale(x.device(), {x.data(), factor, y.data(), x.numel()});
  return y;
}

// dropout(x), outside the graph: forward, and backward with dy for x.
Tensor dropped(const Tensor& x, double p, const RandomStream& stream) {
  Tensor y = Tensor::empty_like(x);
  kernels::dropout(x.device(), {.x = x.data(),
                                .y = y.data(),
                                .n = x.numel(),
                                .drop_threshold = drop_threshold(p),
                                .keep_scale = static_cast<real>(1 / (1 - p)),
                                .stream = stream});
  return y;
}

// Any op of unary.def.
Variable unary(const char* op, const kernels::Kernel<kernels::UnaryArgs>& forward,
               const kernels::Kernel<kernels::UnaryBackwardArgs>& backward, const Variable& input) {
  const Tensor x = input.value();
  require_one_device(op, {{"x", x}});
  Tensor y = Tensor::empty_like(x);
  forward(x.device(), {x.data(), y.data(), x.numel()});
  return record_unary(op, std::move(y), input, backward);
}

}  // namespace

Variable record_unary(const char* op, Tensor y, const Variable& input,
                      const kernels::Kernel<kernels::UnaryBackwardArgs>& backward) {
  const Tensor x = input.value();
  return record(op, std::move(y), {input}, [x, &backward](const Tensor& dy, Gradients& gradients) {
    Tensor dx = Tensor::empty_like(x);
    backward(x.device(), {x.data(), dy.data(), dx.data(), x.numel()});
    gradients.add(0, std::move(dx));
  });
}

#define SORAGRAD_UNARY(name, Functor)                                \
  Variable name(const Variable& x) {                                 \
    return unary(#name, kernels::name, kernels::name##_backward, x); \
  }
#include "core/kernels/elementwise/unary.def"
#undef SORAGRAD_UNARY

Variable add(const Variable& a, const Variable& b) {
  require_alike("add", a.value(), b.value());
  Tensor y = Tensor::empty_like(a.value());
  kernels::add(a.device(), {a.value().data(), b.value().data(), y.data(), y.numel()});
  return record("add", std::move(y), {a, b}, [](const Tensor& dy, Gradients& gradients) {
    gradients.add(0, dy);
    gradients.add(1, dy);
  });
}

Variable mul(const Variable& a, const Variable& b) {
  require_alike("mul", a.value(), b.value());
  // A factor is kept only if the other one wants a gradient.
  const Tensor kept_a = grad_wanted({b}) ? a.value() : Tensor();
  const Tensor kept_b = grad_wanted({a}) ? b.value() : Tensor();
  return record("mul", product(a.value(), b.value()), {a, b},
                [kept_a, kept_b](const Tensor& dy, Gradients& gradients) {
                  if (gradients.wanted(0)) gradients.add(0, product(dy, kept_b));
                  if (gradients.wanted(1)) gradients.add(1, product(dy, kept_a));
                });
}

Variable scale(const Variable& x, real factor) {
  return record(
      "scale", scaled(x.value(), factor), {x},
      [factor](const Tensor& dy, Gradients& gradients) { gradients.add(0, scaled(dy, factor)); });
}

Variable dropout(const Variable& x, double p, const RandomStream& stream) {
  require(p >= 0 && p < 1, "[dropout] the probability is {}; it must be in [0, 1).", p);
  if (p == 0) return x;
  return record("dropout", dropped(x.value(), p, stream), {x},
                [p, stream](const Tensor& dy, Gradients& gradients) {
                  gradients.add(0, dropped(dy, p, stream));
                });
}

void add_inplace(const Tensor& to, const Tensor& from) {
  require_one_device("add_inplace", {{"to", to}, {"from", from}});
  require(to.shape() == from.shape(), "[add_inplace] {} does not add to {}.", from.shape(),
          to.shape());
  kernels::add(to.device(), {to.data(), from.data(), to.data(), to.numel()});
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
