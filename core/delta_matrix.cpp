#include "core/delta_matrix.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/elementwise/unary.h"
#include "core/kernels/linear/delta_product.h"
#include "core/kernels/linear/gemm_gelu.h"

namespace soragrad {

namespace {

int64_t ranks_of(const DeltaMatrix::Deltas& deltas) {
  int64_t ranks = 0;
  for (size_t i = 0; i < deltas.count; ++i) ranks += deltas.data[i].rank;
  return ranks;
}

// A number that grows when somebody writes one of the weights or biases (Storage::begin_write).
uint64_t versions_of(std::span<const DeltaMatrix::Linear> linears) {
  uint64_t sum = 0;
  for (const auto& [weight, bias, rank] : linears) {
    sum += weight.storage()->version() + bias.storage()->version();
  }
  return sum;
}

}  // namespace

bool DeltaMatrix::fits(std::span<const Linear> linears, size_t groups) {
  const size_t of_group = linears.size() / groups;
  if (linears.empty() || of_group > kernels::kMaxDeltas) return false;
  const Shape shape = linears[0].weight.shape();
  bool fits = shape[0] % 8 == 0 && shape[1] % 8 == 0;
  for (size_t i = 0; i < linears.size(); ++i) {
    const Linear& linear = linears[i];
    fits &= linear.weight.device() == Device::cuda && linear.weight.shape() == shape &&
            linear.bias.defined() && linear.rank > 0 && linear.rank == linears[i % of_group].rank;
  }
  return fits;
}

DeltaMatrix::DeltaMatrix(std::span<const Linear> linears, size_t groups)
    : linears_(linears.begin(), linears.end()),
      versions_(versions_of(linears)),
      groups_(static_cast<int64_t>(groups)),
      in_(linears[0].weight.size(1)),
      out_(linears[0].weight.size(0)) {
  for (int64_t i = 0; i < this->linears(); ++i) border_ += kernels::border_of(linears_[i].rank);
  bordered_ =
      Tensor::zeros({groups_, rows_of_weights() + border_, pitch()}, DType::bf16, Device::cuda);
  const auto count = static_cast<int64_t>(linears_.size());
  bias_ = Tensor::empty({count, out_}, kReal, Device::cuda);
  for (int64_t i = 0; i < count; ++i) {
    const Linear& linear = linears_[static_cast<size_t>(i)];
    const int64_t group = i / this->linears(), row = i % this->linears() * out_;
    kernels::delta_weight(Device::cuda,
                          {.weight = linear.weight.data(),
                           .packed = weights() + group * group_pitch() + row * pitch(),
                           .rows = out_,
                           .columns = in_,
                           .pitch = pitch()});
    bias_.slice(i, i + 1).copy_from(linear.bias);
  }
}

bool DeltaMatrix::is_of(std::span<const Linear> linears) const {
  const bool same = std::equal(linears_.begin(), linears_.end(), linears.begin(), linears.end(),
                               [](const Linear& a, const Linear& b) {
                                 return a.weight.raw() == b.weight.raw() &&
                                        a.bias.raw() == b.bias.raw() && a.rank == b.rank;
                               });
  return same && versions_of(linears) == versions_;
}

DeltaMatrix::Operand DeltaMatrix::forward_operand(int64_t rows, const Deltas& deltas) const {
  const int64_t ranks = ranks_of(deltas);
  return {.forward = true,
          .rows = Tensor::empty({groups_ * rows, pitch()}, DType::bf16, Device::cuda),
          .sums = Tensor::empty({rows, ranks}, kReal, Device::cuda),
          .scaled = {},
          .b_by_rank = Tensor::empty({ranks, out_}, kReal, Device::cuda)};
}

DeltaMatrix::Operand DeltaMatrix::backward_operand(int64_t rows, const Deltas& deltas,
                                                   const Tensor& b_by_rank, bool has_rows) const {
  const Shape wide{rows, rows_of_weights() + border_}, narrow{rows, ranks_of(deltas)};
  return {.forward = false,
          .rows = has_rows ? Tensor::empty(wide, DType::bf16, Device::cuda) : Tensor(),
          .sums = Tensor::empty(narrow, kReal, Device::cuda),
          .scaled = Tensor::empty(narrow, kReal, Device::cuda),
          .b_by_rank = b_by_rank};
}

kernels::DeltaOperandArgs DeltaMatrix::kernel_args(const Operand& operand, const real* from,
                                                   const Deltas& deltas, int64_t first) const {
  const bool forward = operand.forward, has_rows = operand.rows.defined();
  const int64_t rows = operand.sums.size(0), of_group = linears();
  kernels::DeltaOperandArgs args{.parts = {},
                                 .count = 0,
                                 .forward = forward,
                                 .rows = rows,
                                 .pitch = has_rows ? operand.rows.size(1) : 0,
                                 .weights_pitch = pitch(),
                                 .drop_threshold = 0,
                                 .keep_scale = 1,
                                 .stream = {}};
  int64_t ranks = 0, border_at = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(deltas.count); ++i) {
    const kernels::LowRankDelta& delta = deltas.data[i];
    const int64_t group = i / of_group, linear = i % of_group;
    if (linear == 0) border_at = forward ? in_ : rows_of_weights();
    if (i >= first && args.count < kernels::DeltaOperandArgs::kMaxParts) {
      bfloat16* row =
          has_rows ? operand.rows.data<bfloat16>() + group * rows * args.pitch : nullptr;
      bfloat16* border = weights() + group * group_pitch() + border_at * (forward ? 1 : pitch());
      const bool copies = has_rows && (!forward || linear == 0);
      args.parts[args.count++] = {
          .delta = delta,
          .x = forward ? from : from + i * rows * out_,
          .sums = operand.sums.data() + rows * ranks,
          .scaled = forward ? nullptr : operand.scaled.data() + rows * ranks,
          .b_by_rank = operand.b_by_rank.data() + ranks * out_,
          .copy = copies ? row + (forward ? 0 : linear * out_) : nullptr,
          .columns = has_rows ? row + border_at : nullptr,
          .border = forward ? border + linear * out_ * pitch() : border,
          .dropped = nullptr,
          .site = 0};
    }
    ranks += delta.rank;
    border_at += kernels::border_of(delta.rank);
  }
  return args;
}

void DeltaMatrix::forward(const Forward& args) const {
  const int64_t rows = args.operand.size(0) / groups_, k = args.operand.size(1);
  const auto count = static_cast<int64_t>(linears_.size());
  const bfloat16* operand = args.operand.data<bfloat16>();
  if (args.gelu && count == 1 &&
      kernels::gemm_gelu({.x = nullptr,
                          .weight = nullptr,
                          .bias = bias_.data(),
                          .before = args.y,
                          .y = args.gelu,
                          .m = rows,
                          .n = out_,
                          .k = k,
                          .ready = {operand, weights(), pitch()}})) {
    return;
  }
  kernels::delta_product(Device::cuda, {.forward = true,
                                        .operand = operand,
                                        .weights = weights(),
                                        .bias = bias_.data(),
                                        .y = args.y,
                                        .count = linears(),
                                        .rows = rows,
                                        .n = out_,
                                        .k = k,
                                        .weights_pitch = pitch(),
                                        .accumulate = false,
                                        .groups = groups_,
                                        .group_pitch = group_pitch()});
  if (args.gelu) {
    kernels::gelu(Device::cuda, {.x = args.y, .y = args.gelu, .n = count * rows * out_});
  }
}

void DeltaMatrix::backward(const Backward& args) const {
  const int64_t rows = args.operand.size(0), k = args.operand.size(1);
  const bfloat16* operand = args.operand.data<bfloat16>();
  if (args.before && kernels::gemm_gelu_backward({.dy = nullptr,
                                                  .weight = nullptr,
                                                  .sum = args.sum,
                                                  .before = args.before,
                                                  .dbefore = args.dx,
                                                  .m = rows,
                                                  .n = in_,
                                                  .k = k,
                                                  .ready = {operand, weights(), pitch()}})) {
    return;
  }
  Tensor own;  // of the product, if there is a GELU and no other op has begun the sum
  if (args.before && !args.sum) own = Tensor::empty({rows, in_}, kReal, Device::cuda);
  real* product = !args.before ? args.dx : args.sum ? args.sum : own.data();
  kernels::delta_product(Device::cuda,
                         {.forward = false,
                          .operand = operand,
                          .weights = weights(),
                          .bias = nullptr,
                          .y = product,
                          .count = 1,
                          .rows = rows,
                          .n = in_,
                          .k = k,
                          .weights_pitch = pitch(),
                          .accumulate = args.before ? args.sum != nullptr : args.accumulate});
  if (args.before) {
    kernels::gelu_backward(Device::cuda,
                           {.x = args.before, .dy = product, .dx = args.dx, .n = rows * in_});
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
