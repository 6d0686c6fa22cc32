// Attention within each sequence, plain or disentangled. The backward pass computes the
// probabilities again from q, k and the position tables, so nothing of size length^2 is kept.
#include "core/kernels/attention/attention.h"

#include <algorithm>

#include "autograd/joint_ops.h"
#include "autograd/ops.h"
#include "autograd/ops/delta_operand.h"
#include "autograd/ops/operands.h"
#include "autograd/ops/waiting.h"
#include "core/kernels/attention/attention_operand.h"
#include "core/kernels/linear/round_bf16.h"
#include "core/kernels/rows/rows.h"

namespace soragrad {
namespace {

// Operands and, behind them, the gradients of them: tensors of their own, or rows of tensors in
// which they lie one below another (joint_ops.h).
struct Operands {
  Tensor q, k, v;
  Tensor position_key, position_query;  // undefined: none
  std::vector<Tensor> whole;            // what they are rows of; empty: they are tensors themselves

  static Operands rows_of(const Tensor& qkv, const Tensor& positions) {
    Operands x;
    const int64_t tokens = qkv.size(0) / 3;
    x.q = qkv.slice(0, tokens);
    x.k = qkv.slice(tokens, 2 * tokens);
    x.v = qkv.slice(2 * tokens, 3 * tokens);
    if (positions.defined()) {
      const int64_t rows = positions.size(0) / 2;
      x.position_query = positions.slice(0, rows);
      x.position_key = positions.slice(rows, 2 * rows);
    }
    x.whole = {qkv, positions};
    return x;
  }
  // The tensors that record() has as inputs.
  std::vector<Tensor> inputs() const {
    return whole.empty() ? std::vector<Tensor>{q, k, v, position_key, position_query} : whole;
  }
};

// Throws unless the rows, which can be read on the CPU alone, are rows of the position tables.
void check_rows(const Tensor& distance_row, int64_t rows) {
  if (distance_row.device() != Device::cpu) return;
  for (const int32_t row : distance_row.elements<int32_t>()) {
    require(row >= 0 && row < rows,
            "[attention] row {} in distance_row is outside of the position tables' {} rows.", row,
            rows);
  }
}

// Throws unless shapes, layout and options fit together (ops.h).
void check(const Operands& x, const AttentionLayout& layout, const AttentionOptions& options) {
  const auto& [q, k, v, position_key, position_query, whole] = x;
  require_one_device("attention", {{"k", k},
                                   {"q", q},
                                   {"v", v},
                                   {"position_key", position_key},
                                   {"position_query", position_query},
                                   {"offsets", layout.offsets},
                                   {"distance_row", layout.distance_row}});
  require(k.shape().rank() == 2, "[attention] k {}; (tokens, hidden) is needed.", k.shape());
  const int64_t longest = longest_sequence("attention", layout);
  require(longest <= layout.max_length,
          "[attention] a sequence of {} tokens, but max_length is {}.", longest, layout.max_length);
  const int64_t sequences = layout.offsets.numel() - 1;
  const int64_t hidden = k.size(1), queries = options.first_query_only ? sequences : k.size(0);
  require(options.heads >= 1 && hidden % options.heads == 0,
          "[attention] hidden size {} does not divide into {} heads.", hidden, options.heads);
  require(options.dropout >= 0 && options.dropout < 1,
          "[attention] the dropout is {}; it must be in [0, 1).", options.dropout);
  require(q.shape() == Shape({queries, hidden}) && v.shape() == k.shape(),
          "[attention] q {}, k {}, v {} do not fit; q should be ({}, {}).", q.shape(), k.shape(),
          v.shape(), queries, hidden);
  require(layout.idle_tokens >= 0 && layout.host_offsets.back() + layout.idle_tokens == k.size(0),
          "[attention] offsets end at {}, with {} idle tokens, but k has {} tokens.",
          layout.host_offsets.back(), layout.idle_tokens, k.size(0));
  require(layout.max_length <= int64_t{1} << kernels::kAttentionRowBits,
          "[attention] a sequence of {} tokens; at most {} fit.", layout.max_length,
          int64_t{1} << kernels::kAttentionRowBits);
  const Shape width{2 * layout.max_length - 1};
  for (const Tensor& table : {position_key, position_query}) {
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
  if (!position_key.defined() && !position_query.defined()) return;
  check_rows(layout.distance_row, (position_key.defined() ? position_key : position_query).size(0));
}

// x rounded to bf16, in x's type.
Tensor rounded_to_bf16(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
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

// All arguments but those that only some callers want. They hold raw pointers into the tensors.
kernels::AttentionArgs forward_args(const Operands& x, const Tensor& y,
                                    const AttentionLayout& layout,
                                    const AttentionOptions& options) {
  const Tensor& table = x.position_key.defined() ? x.position_key : x.position_query;
  return {.q = x.q.data(),
          .k = x.k.data(),
          .v = x.v.data(),
          .position_key = data_or_null(x.position_key),
          .position_query = data_or_null(x.position_query),
          .offsets = layout.offsets.data<int64_t>(),
          .distance_row = table.defined() ? layout.distance_row.data<int32_t>() : nullptr,
          .y = y.data(),
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

// The first rows of the sequences, (sequences, hidden), of x (tokens, hidden).
Tensor first_rows(const Tensor& x, const AttentionLayout& layout) {
  const auto sequences = static_cast<int64_t>(layout.host_offsets.size()) - 1;
  const int64_t hidden = x.size(1);
  Tensor y = Tensor::empty({sequences, hidden}, kReal, x.device());
  kernels::gather_rows(x.device(), {.index = layout.offsets.data<int64_t>(),
                                    .x = x.data(),
                                    .y = y.data(),
                                    .n = sequences,
                                    .hidden = hidden});
  return y;
}

// The gradient of x: dy in these rows, zeros in others.
void place_first_rows(const Tensor& dy, const Tensor& offsets, const Tensor& dx) {
  kernels::scatter_add_rows(dx.device(), {.index = offsets.data<int64_t>(),
                                          .dy = dy.data(),
                                          .dx = dx.data(),
                                          .n = dy.size(0),
                                          .hidden = dy.size(1),
                                          .skip = -1,
                                          .fresh_rows = dx.size(0)});
}

// The gradients' tensors, of the operands' shapes; those of position tables only if an input of
// number 3 or 4, or the second of two, wants one.
Operands empty_gradients(const Operands& x, const Gradients& gradients) {
  const auto empty_if = [](bool wanted, const Tensor& like) {
    return wanted ? Tensor::empty_like(like) : Tensor();
  };
  if (!x.whole.empty()) {
    const bool wanted = x.whole[1].defined() && gradients.wanted(1);
    Operands d = Operands::rows_of(Tensor::empty_like(x.whole[0]), empty_if(wanted, x.whole[1]));
    if (d.q.shape() != x.q.shape()) d.q = Tensor::empty_like(x.q);  // of the first rows
    return d;
  }
  return {.q = Tensor::empty_like(x.q),
          .k = Tensor::empty_like(x.k),
          .v = Tensor::empty_like(x.v),
          .position_key = empty_if(gradients.wanted(3), x.position_key),
          .position_query = empty_if(gradients.wanted(4), x.position_query),
          .whole = {}};
}

// Memory for the sums by distance, of which a launch at the end makes the tables' gradients, for
// all layers.
Tensor distance_sums(const kernels::AttentionBackwardArgs& args) {
  const kernels::FoldDistancesArgs sizes = kernels::fold_args(args, nullptr);
  return Tensor::empty({sizes.count, sizes.groups, sizes.width, sizes.hidden}, kReal, Device::cuda);
}

// The operands, rounded to bf16.
Operands rounded(const Operands& x) {
  const auto round = [](const Tensor& tensor) {
    return tensor.defined() ? rounded_to_bf16(tensor) : tensor;
  };
  return {.q = round(x.q),
          .k = round(x.k),
          .v = round(x.v),
          .position_key = round(x.position_key),
          .position_query = round(x.position_query),
          .whole = x.whole};
}

// What backward reads of the forward pass.
struct KeptAttention {
  kernels::AttentionArgs args;  // pointers into these tensors
  Operands x;
  Tensor y, log_sum;  // CUDA reads them instead of making the softmax's sums again; or undefined
  Tensor offsets, distance_row;
  bool rounds_dy;
  bool late;                              // the tables' gradients wait for other layers
  std::shared_ptr<DeltaOperand> operand;  // that backward makes of the gradient of qkv; or null

  void backward(const Tensor& given, Gradients& gradients) const;
};

void KeptAttention::backward(const Tensor& given, Gradients& gradients) const {
  const Tensor dy = rounds_dy ? rounded_to_bf16(given) : given;
  const Operands d = empty_gradients(x, gradients);
  kernels::AttentionBackwardArgs backward{.forward = args,
                                          .dy = dy.data(),
                                          .dq = d.q.data(),
                                          .dk = d.k.data(),
                                          .dv = d.v.data(),
                                          .dposition_key = data_or_null(d.position_key),
                                          .dposition_query = data_or_null(d.position_query)};
  const bool waits = late && backward.dposition_key;
  const Tensor sums = waits ? distance_sums(backward) : Tensor();
  if (waits) backward.distance_sums = sums.data();
  if (operand) {
    kernels::attention_operand_backward(dy.device(), {backward, operand->begin(d.whole[0])});
  } else {
    kernels::attention_backward(dy.device(), backward);
  }
  if (waits) {
    waiting::add_fold(kernels::fold_args(backward, sums.data()), {d.whole[1], distance_row, sums});
  }
  if (!d.whole.empty() && args.first_query_only) {
    place_first_rows(d.q, offsets, d.whole[0].slice(0, x.k.size(0)));
  }
  size_t number = 0;
  for (const Tensor& gradient : d.inputs()) {
    if (gradient.defined()) gradients.add(number, gradient);
    ++number;
  }
}

// Records attention of x, whose tensors are those of the inputs.
Variable attend(const Operands& x, const std::vector<Variable>& inputs,
                const AttentionLayout& layout, const AttentionOptions& options) {
  check(x, layout, options);
  const Device device = x.k.device();
  // Kernels that do not multiply in bf16 themselves get rounded operands. Kernels that do cannot
  // write the probabilities, so a caller who wants them gets the other ones.
  const bool in_bf16 = options.precision == Precision::bf16;
  const bool by_kernel = in_bf16 && !options.probabilities &&
                         kernels::attention_takes_bf16(device, x.k.size(1) / options.heads);
  const bool rounds = in_bf16 && !by_kernel;
  const Operands t = rounds ? rounded(x) : x;
  Tensor y = Tensor::empty_like(t.q);
  kernels::AttentionArgs args = forward_args(t, y, layout, options);
  args.bf16 = by_kernel;
  if (options.probabilities) {
    *options.probabilities = Tensor::empty({probability_count(layout, options)}, kReal, device);
    args.probabilities = options.probabilities->data();
  }
  Tensor log_sum;
  if (device == Device::cuda && grad_wanted(inputs)) {
    log_sum = Tensor::empty({t.q.size(0), options.heads}, kReal, device);
    args.log_sum = log_sum.data();
  }
  const auto next = options.next ? DeltaOperand::of_value(*options.next) : nullptr;
  if (next) {
    kernels::attention_operand(device, {args, next->begin(y)});
  } else {
    kernels::attention(device, args);
  }
  const auto& of_tables = inputs[1].operand();
  // With first_query_only dq has rows of its own, which come to lie among zeros.
  const bool makes_operand = !x.whole.empty() && !options.first_query_only;
  const KeptAttention kept = {
      .args = args,
      .x = t,
      .y = log_sum.defined() ? y : Tensor(),
      .log_sum = log_sum,
      .offsets = layout.offsets,
      .distance_row = layout.distance_row,
      .rounds_dy = rounds,
      .late = !x.whole.empty() && of_tables && of_tables->late,
      .operand = makes_operand ? operand_of_gradient(inputs[0], 3) : nullptr};
  Variable result =
      record("attention", std::move(y), inputs,
             [kept](const Tensor& dy, Gradients& gradients) { kept.backward(dy, gradients); });
  result.set_operand(next);
  return result;
}

}  // namespace

int64_t longest_sequence(const char* op, const AttentionLayout& layout) {
  const std::vector<int64_t>& host = layout.host_offsets;
  require(!host.empty() && host[0] == 0,
          "[{}] host_offsets has {} numbers; it begins with 0, and has one more for each sequence.",
          op, host.size());
  int64_t longest = 0;
  for (size_t s = 1; s < host.size(); ++s) {
    require(host[s] > host[s - 1],
            "[{}] sequence {} is from {} to {} in host_offsets; it needs a token.", op, s - 1,
            host[s - 1], host[s]);
    longest = std::max(longest, host[s] - host[s - 1]);
  }
  const Tensor& device = layout.offsets;
  require(
      device.dtype() == DType::i64 && device.shape() == Shape{static_cast<int64_t>(host.size())},
      "[{}] offsets {} of {} are not the {} of host_offsets, as I64.", op, device.shape(),
      name_of(device.dtype()), host.size());
  require(device.device() != Device::cpu || std::ranges::equal(device.elements<int64_t>(), host),
          "[{}] offsets differ from host_offsets; make them of the same numbers.", op);
  return longest;
}

Variable attention(const Variable& q, const Variable& k, const Variable& v,
                   const Variable& position_key, const Variable& position_query,
                   const AttentionLayout& layout, const AttentionOptions& options) {
  const Operands operands{.q = q.value(),
                          .k = k.value(),
                          .v = v.value(),
                          .position_key = position_key.value(),
                          .position_query = position_query.value(),
                          .whole = {}};
  return attend(operands, {q, k, v, position_key, position_query}, layout, options);
}

Variable attention(const Variable& qkv, const Variable& positions, const AttentionLayout& layout,
                   const AttentionOptions& options) {
  require(qkv.size(0) % 3 == 0 && (!positions.defined() || positions.size(0) % 2 == 0),
          "[attention] qkv {} has three parts, positions {} two.", qkv.shape(), positions.shape());
  Operands operands = Operands::rows_of(qkv.value(), positions.value());
  if (options.first_query_only) operands.q = first_rows(operands.q, layout);
  return attend(operands, {qkv, positions}, layout, options);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
