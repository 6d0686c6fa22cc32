// Products with matrices: linear, matmul and the low-rank delta beside a Linear. The gradients of
// y = x W^T + b are
//   dx = dy W
//   dW = dy^T x
//   db = sum over the rows of dy
// and with x = gelu(h):
//   dh = (dy W + what other ops have added to dx) gelu'(h)
#include "autograd/ops/linear.h"

#include "autograd/ops/input_gradient.h"
#include "autograd/ops/operands.h"
#include "autograd/ops/unary.h"
#include "core/kernels/linear/column_sum.h"
#include "core/kernels/linear/gemm.h"
#include "core/kernels/linear/low_rank.h"

namespace soragrad {
namespace {

// Shape of op(a) op(b).
Shape product_shape(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  return {a.size(transpose_a ? 1 : 0), b.size(transpose_b ? 0 : 1)};
}

// c = op(a) op(b), or c += op(a) op(b) if the target accumulates.
void multiply(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
              const kernels::GradientTarget& c) {
  const int64_t m = a.size(transpose_a ? 1 : 0), k = a.size(transpose_a ? 0 : 1);
  const int64_t n = b.size(transpose_b ? 0 : 1);
  kernels::gemm(a.device(), {.a = a.data(),
                             .b = b.data(),
                             .c = c.data,
                             .m = m,
                             .n = n,
                             .k = k,
                             .lda = a.size(1),
                             .ldb = b.size(1),
                             .ldc = n,
                             .transpose_a = transpose_a,
                             .transpose_b = transpose_b,
                             .accumulate = c.accumulate});
}

// Adds op(a) op(b) to the gradient of an input, if it is wanted.
void add_product(Gradients& gradients, size_t input, const Tensor& a, const Tensor& b,
                 bool transpose_a, bool transpose_b) {
  if (!gradients.wanted(input)) return;
  const InputGradient place(gradients, input, product_shape(a, b, transpose_a, transpose_b),
                            a.device());
  multiply(a, b, transpose_a, transpose_b, place.get());
  place.hand_over(gradients);
}

void check_linear(const Variable& x, const LinearWeights& linear) {
  require_one_device(
      "linear",
      {{"weight", linear.weight.value()}, {"x", x.value()}, {"bias", linear.bias.value()}});
  require_fit("linear", x.shape(), linear);
}

// Adds dx = dy W to the gradient of input 0. If that is the result of gelu, whose argument is input
// 3, takes what has arrived there so far and adds (it + dx) gelu'(argument) to the argument's.
void add_dx(const Tensor& dy, PackedMatrix& matrix, const Tensor& gelu_of, Gradients& gradients) {
  const int64_t rows = dy.size(0), in = matrix.weight().size(1);
  if (gelu_of.defined() && gradients.wanted(3)) {
    const Tensor sum = gradients.take(0);
    Tensor dargument = Tensor::empty({rows, in}, kReal, dy.device());
    matrix.backward_gelu({.dy = dy.data(),
                          .sum = sum.defined() ? sum.data() : nullptr,
                          .before = gelu_of.data(),
                          .dbefore = dargument.data(),
                          .rows = rows});
    gradients.add(3, std::move(dargument));
    return;
  }
  const InputGradient dx(gradients, 0, {rows, in}, dy.device());
  if (!dx.wanted()) return;
  matrix.backward(dy.data(), dx.get().data, rows, dx.get().accumulate);
  dx.hand_over(gradients);
}

// Records y = x W^T + bias, which the matrix has computed.
Variable record_linear(Tensor y, const Activated& x, const Variable& weight, const Variable& bias,
                       const std::shared_ptr<PackedMatrix>& matrix) {
  // Only dW reads the input, so a frozen weight keeps nothing of it.
  const Tensor kept = grad_wanted({weight}) ? x.y.value() : Tensor();
  const Tensor gelu_of = x.gelu_of.defined() ? x.gelu_of.value() : Tensor();
  return record(
      "linear", std::move(y), {x.y, weight, bias, x.gelu_of},
      [matrix, kept, gelu_of, bias_shape = bias.shape()](const Tensor& dy, Gradients& gradients) {
        add_dx(dy, *matrix, gelu_of, gradients);
        const InputGradient dweight(gradients, 1, matrix->weight().shape(), dy.device());
        if (dweight.wanted()) {
          const kernels::GradientTarget& dw = dweight.get();
          matrix->weight_gradient(dy.data(), kept.data(), dw.data, dy.size(0), dw.accumulate);
          dweight.hand_over(gradients);
        }
        const InputGradient dbias(gradients, 2, bias_shape, dy.device());
        if (!dbias.wanted()) return;
        kernels::column_sum(dy.device(), {dy.data(), dbias.get(), dy.size(0), dy.size(1)});
        dbias.hand_over(gradients);
      });
}

}  // namespace

void require_fit(const char* op, const Shape& x, const LinearWeights& linear) {
  const Variable& weight = linear.weight;
  require(x.rank() == 2 && weight.shape().rank() == 2 && x[1] == weight.size(1),
          "[{}] weight {} does not fit x {}.", op, weight.shape(), x);
  require(!linear.bias.defined() || linear.bias.value().numel() == weight.size(0),
          "[{}] bias {} does not fit weight {}.", op, linear.bias.shape(), weight.shape());
  const PackedMatrix* packed = linear.packed.get();
  require(!packed || (packed->weight().shape() == weight.shape() &&
                      packed->weight().raw() == weight.value().raw()),
          "[{}] the packed matrix {} was made of another tensor than weight {}.", op,
          packed ? packed->weight().shape() : Shape{}, weight.shape());
}

std::shared_ptr<PackedMatrix> packed_or_plain(const LinearWeights& linear) {
  if (linear.packed) return linear.packed;
  return std::make_shared<PackedMatrix>(linear.weight.value(), Precision::fp32, false);
}

Variable linear(const Variable& x, const Variable& weight, const Variable& bias,
                const std::shared_ptr<PackedMatrix>& packed) {
  return linear(Activated{x, {}}, weight, bias, packed);
}

Variable linear(const Activated& x, const Variable& weight, const Variable& bias,
                const std::shared_ptr<PackedMatrix>& packed, bool with_value) {
  const LinearWeights weights{weight, bias, packed};
  check_linear(x.y, weights);
  const Shape shape = {x.y.size(0), weight.size(0)};
  const auto matrix = packed_or_plain(weights);
  Tensor y = with_value ? Tensor::empty(shape, kReal, x.y.device())
                        : Tensor::zeros(shape, kReal, x.y.device());
  if (with_value) {
    matrix->forward(x.y.value().data(), data_or_null(bias.value()), y.data(), shape[0]);
  }
  return record_linear(std::move(y), x, weight, bias, matrix);
}

Activated linear_gelu(const Variable& x, const Variable& weight, const Variable& bias,
                      const std::shared_ptr<PackedMatrix>& packed) {
  const LinearWeights weights{weight, bias, packed};
  check_linear(x, weights);
  const int64_t rows = x.size(0);
  Tensor before = Tensor::empty({rows, weight.size(0)}, kReal, x.device());
  Tensor y = Tensor::empty_like(before);
  const auto matrix = packed_or_plain(weights);
  matrix->forward_gelu({.x = x.value().data(),
                        .bias = data_or_null(bias.value()),
                        .before = before.data(),
                        .y = y.data(),
                        .rows = rows});
  const Variable argument = record_linear(std::move(before), {x, {}}, weight, bias, matrix);
  return {record_unary("gelu", std::move(y), argument, kernels::gelu_backward), argument};
}

Variable matmul(const Variable& a, const Variable& b, bool transpose_a, bool transpose_b) {
  require_one_device("matmul", {{"a", a.value()}, {"b", b.value()}});
  require(a.shape().rank() == 2 && b.shape().rank() == 2 &&
              a.size(transpose_a ? 0 : 1) == b.size(transpose_b ? 1 : 0),
          "[matmul] {}{} does not fit {}{}.", a.shape(), transpose_a ? "^T" : "", b.shape(),
          transpose_b ? "^T" : "");
  const Tensor ta = a.value(), tb = b.value();
  Tensor c = Tensor::empty(product_shape(ta, tb, transpose_a, transpose_b), kReal, ta.device());
  multiply(ta, tb, transpose_a, transpose_b, {c.data()});
  return record("matmul", std::move(c), {a, b}, [=](const Tensor& dc, Gradients& gradients) {
    // c = op(a) op(b), so d op(a) = dc op(b)^T and d op(b) = op(a)^T dc. The gradient of a
    // transposed operand is the transposed product.
    if (transpose_a) {
      add_product(gradients, 0, tb, dc, transpose_b, true);
    } else {
      add_product(gradients, 0, dc, tb, false, !transpose_b);
    }
    if (transpose_b) {
      add_product(gradients, 1, dc, ta, true, transpose_a);
    } else {
      add_product(gradients, 1, ta, dc, !transpose_a, false);
    }
  });
}

Variable low_rank_delta(Variable y, const Variable& x, const Variable& a, const Variable& b,
                        const Variable& gate, real factor) {
  require_one_device("low_rank_delta", {{"x", x.value()},
                                        {"y", y.value()},
                                        {"a", a.value()},
                                        {"b", b.value()},
                                        {"gate", gate.value()}});
  const Shape &sx = x.shape(), &sa = a.shape(), &sb = b.shape();
  require(sx.rank() == 2 && sa.rank() == 2 && sb.rank() == 2 && sx[1] == sa[1] && sb[1] == sa[0] &&
              y.shape() == Shape({sx[0], sb[0]}),
          "[low_rank_delta] x {}, a {}, b {} do not fit y {}.", sx, sa, sb, y.shape());
  const int64_t rank = a.size(0), rows = x.size(0);
  require(rank > 0, "[low_rank_delta] a {} has no rows; rank is at least 1.", a.shape());
  require(!gate.defined() || gate.value().numel() == rank,
          "[low_rank_delta] gate {} does not fit a {}.", gate.shape(), a.shape());
  const Tensor tx = x.value(), ta = a.value(), tb = b.value();
  const Tensor tgate = gate.defined() ? gate.value() : Tensor();
  const auto delta = [=] {
    return kernels::LowRankDelta{.a = ta.data(),
                                 .b = tb.data(),
                                 .gate = tgate.defined() ? tgate.data() : nullptr,
                                 .rank = rank,
                                 .in = ta.size(1),
                                 .out = tb.size(0),
                                 .factor = factor};
  };
  const bool only_handle = y.value().storage().use_count() == 1;
  const Tensor result = only_handle ? y.value() : y.value().clone();
  const Tensor u = Tensor::empty({rows, rank}, kReal, x.device());
  kernels::low_rank(x.device(), {delta(), tx.data(), u.data(), result.data(), rows});
  return record("low_rank_delta", result, {y, x, a, b, gate},
                [=](const Tensor& dy, Gradients& gradients) {
                  const auto place = [&](size_t input, const Tensor& value) {
                    return InputGradient(gradients, input, value.shape(), dy.device());
                  };
                  const InputGradient dx = place(1, tx), da = place(2, ta), db = place(3, tb);
                  const InputGradient dgate = place(4, tgate);
                  kernels::low_rank_backward(dy.device(), {.delta = delta(),
                                                           .x = tx.data(),
                                                           .u = u.data(),
                                                           .dy = dy.data(),
                                                           .da = da.get(),
                                                           .db = db.get(),
                                                           .dgate = dgate.get(),
                                                           .dx = dx.get(),
                                                           .rows = rows});
                  for (const InputGradient* done : {&dx, &da, &db, &dgate})
                    done->hand_over(gradients);
                  gradients.add(0, dy);
                });
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
