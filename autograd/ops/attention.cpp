// Attention within each sequence, plain or disentangled. The backward pass computes the
// probabilities again from q, k and the position tables, so nothing of size length^2 is kept.
#include "core/kernels/attention/attention.h"
#include "autograd/ops.h"
#include "core/kernels/linear/round_bf16.h"

namespace soragrad {
namespace {

const real* data_or_null(const Tensor& x) {
  return x.defined() ? x.data() : nullptr;
}

// Throws unless shapes, layout and options fit together (ops.h).
void check(const Variable& q, const Variable& k, const Variable& v, const Variable& position_key,
           const Variable& position_query, const AttentionLayout& layout,
           const AttentionOptions& options) {
  const int64_t sequences = static_cast<int64_t>(layout.host_offsets.size()) - 1;
  const int64_t hidden = k.size(1), queries = options.first_query_only ? sequences : k.size(0);
  require(hidden % options.heads == 0, "[attention] hidden size {} does not divide into {} heads.",
          hidden, options.heads);
  require(q.shape() == Shape({queries, hidden}) && v.shape() == k.shape(),
          "[attention] q {}, k {}, v {} do not fit; q should be ({}, {}).", q.shape(), k.shape(),
          v.shape(), queries, hidden);
  require(layout.host_offsets.back() + layout.idle_tokens == k.size(0),
          "[attention] offsets end at {}, with {} idle tokens, but k has {} tokens.",
          layout.host_offsets.back(), layout.idle_tokens, k.size(0));
  require(layout.max_length <= int64_t{1} << kernels::kAttentionRowBits,
          "[attention] a sequence of {} tokens; at most {} fit.", layout.max_length,
          int64_t{1} << kernels::kAttentionRowBits);
  const Shape width{2 * layout.max_length - 1};
  for (const Variable& table : {position_key, position_query}) {
    require(!table.defined() || (table.shape().rank() == 2 && table.size(1) == hidden),
            "[attention] position table {} does not fit hidden size {}.", table.shape(), hidden);
    require(
        !table.defined() || (layout.distance_row.defined() && layout.distance_row.shape() == width),
        "[attention] position tables need distance_row {}.", width);
  }
  require(!position_key.defined() || !position_query.defined() ||
              position_key.size(0) == position_query.size(0),
          "[attention] position tables {} and {} differ in rows.", position_key.shape(),
          position_query.shape());
}

// x rounded to bf16, in x's type.
Tensor rounded_to_bf16(const Tensor& x) {
  const Tensor y = Tensor::empty_like(x);
  kernels::round_bf16(x.device(), {x.data(), y.data(), x.numel()});
  return y;
}

// Number of probabilities of the batch, over all heads.
int64_t probability_count(const AttentionLayout& layout, const AttentionOptions& options) {
  int64_t count = 0;
  for (size_t s = 0; s + 1 < layout.host_offsets.size(); ++s) {
    const int64_t length = layout.host_offsets[s + 1] - layout.host_offsets[s];
    count += options.heads * length * (options.first_query_only ? 1 : length);
  }
  return count;
}

// Operands as the kernel reads them, and the result that it writes.
struct Operands {
  const Tensor &q, &k, &v;
  const Tensor &position_key, &position_query;  // undefined: none
  const Tensor& y;
};

// All arguments but those that only some callers want. They hold raw pointers into the tensors.
kernels::AttentionArgs forward_args(const Operands& x, const AttentionLayout& layout,
                                    const AttentionOptions& options) {
  const Tensor& table = x.position_key.defined() ? x.position_key : x.position_query;
  return {.q = x.q.data(),
          .k = x.k.data(),
          .v = x.v.data(),
          .position_key = data_or_null(x.position_key),
          .position_query = data_or_null(x.position_query),
          .offsets = layout.offsets.data<int64_t>(),
          .distance_row = table.defined() ? layout.distance_row.data<int32_t>() : nullptr,
          .y = x.y.data(),
          .tokens = x.k.size(0),
          .sequences = static_cast<int64_t>(layout.host_offsets.size()) - 1,
          .heads = options.heads,
          .head_size = x.k.size(1) / options.heads,
          .max_length = layout.max_length,
          .positions = table.defined() ? table.size(0) : 0,
          .scale = options.scale,
          .drop_threshold = drop_threshold(options.dropout),
          .keep_scale = static_cast<real>(1 / (1 - options.dropout)),
          .stream = options.stream,
          .first_query_only = options.first_query_only,
          .pairs = probability_count(layout, options) / options.heads};
}

}  // namespace

Variable attention(const Variable& q, const Variable& k, const Variable& v,
                   const Variable& position_key, const Variable& position_query,
                   const AttentionLayout& layout, const AttentionOptions& options) {
  check(q, k, v, position_key, position_query, layout, options);
  // Kernels that do not multiply in bf16 themselves get rounded operands. Kernels that do cannot
  // write the probabilities, so a caller who wants them gets the other ones.
  const bool in_bf16 = options.precision == Precision::bf16;
  const bool rounds_itself = in_bf16 && !options.probabilities &&
                             kernels::attention_takes_bf16(k.device(), k.size(1) / options.heads);
  const auto operand = [=](const Tensor& x) {
    return in_bf16 && !rounds_itself && x.defined() ? rounded_to_bf16(x) : x;
  };
  const Tensor tq = operand(q.value()), tk = operand(k.value()), tv = operand(v.value());
  const Tensor pk = operand(position_key.value()), pq = operand(position_query.value());
  Tensor y = Tensor::empty_like(tq);
  kernels::AttentionArgs args = forward_args({tq, tk, tv, pk, pq, y}, layout, options);
  args.bf16 = rounds_itself;
  if (options.probabilities) {
    *options.probabilities =
        Tensor::empty({probability_count(layout, options)}, kReal, tq.device());
    args.probabilities = options.probabilities->data();
  }
  // CUDA's backward pass reads y and log_sum instead of computing the softmax's sums once more.
  const bool kept =
      tq.device() == Device::cuda && grad_wanted({q, k, v, position_key, position_query});
  const Tensor kept_y = kept ? y : Tensor();
  const Tensor log_sum =
      kept ? Tensor::empty({tq.size(0), options.heads}, kReal, tq.device()) : Tensor();
  if (kept) args.log_sum = log_sum.data();
  kernels::attention(tq.device(), args);
  const Tensor offsets = layout.offsets, distance_row = layout.distance_row;
  return record("attention", std::move(y), {q, k, v, position_key, position_query},
                // args holds raw pointers; the tensors captured beside it keep their memory alive.
                [=](const Tensor& given, Gradients& gradients) {
                  const Tensor dy = operand(given);
                  const Tensor dq = Tensor::empty_like(tq), dk = Tensor::empty_like(tk);
                  const Tensor dv = Tensor::empty_like(tv);
                  const Tensor dpk = gradients.wanted(3) ? Tensor::empty_like(pk) : Tensor();
                  const Tensor dpq = gradients.wanted(4) ? Tensor::empty_like(pq) : Tensor();
                  kernels::attention_backward(
                      dy.device(), {.forward = args,
                                    .dy = dy.data(),
                                    .dq = dq.data(),
                                    .dk = dk.data(),
                                    .dv = dv.data(),
                                    .dposition_key = dpk.defined() ? dpk.data() : nullptr,
                                    .dposition_query = dpq.defined() ? dpq.data() : nullptr});
                  gradients.add(0, dq);
                  gradients.add(1, dk);
                  gradients.add(2, dv);
                  if (dpk.defined()) gradients.add(3, dpk);
                  if (dpq.defined()) gradients.add(4, dpq);
                  static_cast<void>(offsets), static_cast<void>(distance_row);
                  static_cast<void>(kept_y), static_cast<void>(log_sum);
                });
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
