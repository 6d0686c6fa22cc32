#include "core/delta_matrix.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/elementwise/unary.h"
#include "core/kernels/linear/delta_product.h"
#include "core/kernels/linear/gemm_gelu.h"

namespace soragrad {

namespace {

int64_t border_of(const DeltaMatrix::Deltas& deltas) {
  int64_t width = 0;
  for (size_t i = 0; i < deltas.count; ++i) width += kernels::border_of(deltas.data[i].rank);
  return width;
}

}  // namespace

bool DeltaMatrix::fits(std::span<const Linear> linears) {
  if (linears.empty() || linears.size() > kernels::kMaxDeltas) return false;
  const Shape shape = linears[0].weight.shape();
  return shape[0] % 8 == 0 && shape[1] % 8 == 0 &&
         std::all_of(linears.begin(), linears.end(), [&](const Linear& linear) {
           return linear.weight.device() == Device::cuda && linear.weight.shape() == shape &&
                  linear.bias.defined() && linear.rank > 0;
         });
}

DeltaMatrix::DeltaMatrix(std::span<const Linear> linears)
    : linears_(linears.begin(), linears.end()),
      in_(linears[0].weight.size(1)),
      out_(linears[0].weight.size(0)) {
  for (const Linear& linear : linears_) border_ += kernels::border_of(linear.rank);
  const auto count = static_cast<int64_t>(linears_.size());
  bordered_ = Tensor::zeros({rows_of_weights() + border_, pitch()}, DType::bf16, Device::cuda);
  bias_ = Tensor::empty({count, out_}, kReal, Device::cuda);
  for (int64_t i = 0; i < count; ++i) {
    const Linear& linear = linears_[static_cast<size_t>(i)];
    kernels::delta_weight(Device::cuda, {.weight = linear.weight.data(),
                                         .packed = weights() + i * out_ * pitch(),
                                         .rows = out_,
                                         .columns = in_,
                                         .pitch = pitch()});
    bias_.slice(i, i + 1).copy_from(linear.bias);
  }
}

bool DeltaMatrix::is_of(std::span<const Linear> linears) const {
  return std::equal(linears_.begin(), linears_.end(), linears.begin(), linears.end(),
                    [](const Linear& a, const Linear& b) {
                      return a.weight.raw() == b.weight.raw() && a.bias.raw() == b.bias.raw() &&
                             a.rank == b.rank;
                    });
}

Tensor DeltaMatrix::forward_operand(const Forward& args, int64_t k) const {
  Tensor operand = Tensor::empty({args.rows, k}, DType::bf16, Device::cuda);
  kernels::DeltaOperandArgs parts{.parts = {},
                                  .count = static_cast<int>(args.deltas.count),
                                  .forward = true,
                                  .rows = args.rows,
                                  .operand = operand.data<bfloat16>(),
                                  .pitch = k,
                                  .weights = weights(),
                                  .weights_pitch = pitch()};
  real* u = args.u;
  int64_t border_at = in_;
  for (int i = 0; i < parts.count; ++i) {
    const kernels::LowRankDelta& delta = args.deltas.data[i];
    parts.parts[i] = {.delta = delta,
                      .x = args.x,
                      .sums = u,
                      .scaled = nullptr,
                      .copy_at = i == 0 ? 0 : -1,
                      .border_at = border_at,
                      .weight_at = i * out_};
    u += args.rows * delta.rank;
    border_at += kernels::border_of(delta.rank);
  }
  kernels::delta_operand(Device::cuda, parts);
  return operand;
}

void DeltaMatrix::forward(const Forward& args) const {
  const int64_t k = in_ + border_of(args.deltas), count = static_cast<int64_t>(args.deltas.count);
  const Tensor operand = forward_operand(args, k);
  if (args.gelu && count == 1 &&
      kernels::gemm_gelu({.x = args.x,
                          .weight = nullptr,
                          .bias = bias_.data(),
                          .before = args.y,
                          .y = args.gelu,
                          .m = args.rows,
                          .n = out_,
                          .k = k,
                          .ready = {operand.data<bfloat16>(), weights(), pitch()}})) {
    return;
  }
  kernels::delta_product(Device::cuda, {.forward = true,
                                        .operand = operand.data<bfloat16>(),
                                        .weights = weights(),
                                        .bias = bias_.data(),
                                        .y = args.y,
                                        .count = count,
                                        .rows = args.rows,
                                        .n = out_,
                                        .k = k,
                                        .weights_pitch = pitch(),
                                        .accumulate = false});
  if (args.gelu) {
    kernels::gelu(Device::cuda, {.x = args.y, .y = args.gelu, .n = count * args.rows * out_});
  }
}

// Undefined if dx is not wanted: then only dh and du are made.
Tensor DeltaMatrix::backward_operand(const Backward& args, int64_t k) const {
  Tensor operand;
  if (args.dx) operand = Tensor::empty({args.rows, k}, DType::bf16, Device::cuda);
  kernels::DeltaOperandArgs parts{.parts = {},
                                  .count = static_cast<int>(args.deltas.count),
                                  .forward = false,
                                  .rows = args.rows,
                                  .operand = args.dx ? operand.data<bfloat16>() : nullptr,
                                  .pitch = k,
                                  .weights = weights(),
                                  .weights_pitch = pitch()};
  int64_t before = 0, border_at = rows_of_weights();
  for (int i = 0; i < parts.count; ++i) {
    const kernels::LowRankDelta& delta = args.deltas.data[i];
    parts.parts[i] = {.delta = delta,
                      .x = args.dy + i * args.rows * out_,
                      .sums = args.dh + before,
                      .scaled = args.du + before,
                      .copy_at = i * out_,
                      .border_at = border_at,
                      .weight_at = 0};
    before += args.rows * delta.rank;
    border_at += kernels::border_of(delta.rank);
  }
  kernels::delta_operand(Device::cuda, parts);
  return operand;
}

void DeltaMatrix::backward(const Backward& args) const {
  require(!args.dx || args.deltas.count == linears_.size(),
          "[linear_deltas] dx of {} of {} Linears; it takes all.", args.deltas.count,
          linears_.size());
  const int64_t k = rows_of_weights() + border_;
  const Tensor operand = backward_operand(args, k);
  if (!args.dx) return;
  if (args.before &&
      kernels::gemm_gelu_backward({.dy = args.dy,
                                   .weight = nullptr,
                                   .sum = args.sum,
                                   .before = args.before,
                                   .dbefore = args.dx,
                                   .m = args.rows,
                                   .n = in_,
                                   .k = k,
                                   .ready = {operand.data<bfloat16>(), weights(), pitch()}})) {
    return;
  }
  Tensor own;  // of the product, if there is a GELU and no other op has begun the sum
  if (args.before && !args.sum) own = Tensor::empty({args.rows, in_}, kReal, Device::cuda);
  real* product = !args.before ? args.dx : args.sum ? args.sum : own.data();
  kernels::delta_product(Device::cuda,
                         {.forward = false,
                          .operand = operand.data<bfloat16>(),
                          .weights = weights(),
                          .bias = nullptr,
                          .y = product,
                          .count = 1,
                          .rows = args.rows,
                          .n = in_,
                          .k = k,
                          .weights_pitch = pitch(),
                          .accumulate = args.before ? args.sum != nullptr : args.accumulate});
  if (args.before) {
    kernels::gelu_backward(Device::cuda,
                           {.x = args.before, .dy = product, .dx = args.dx, .n = args.rows * in_});
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
