// Attention that makes operands of products beside it, on a GPU or an emulated one, against the two
// kernels one after the other.
#include "core/kernels/attention/attention_operand.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "autograd/ops/delta_operand.h"
#include "tests/gpu.h"
#include "tests/op_cases.h"

namespace soragrad {
namespace {

// Sums of up to 192 products, in another order; relative to the largest.
constexpr double kTolerance = 1e-5;

struct Setup {
  std::vector<int64_t> lengths;
  int64_t idle_tokens, heads, head_size, rank;
  bool first_query_only = false;
  int64_t max_length = 40;

  int64_t hidden() const { return heads * head_size; }
  int64_t sequences() const { return static_cast<int64_t>(lengths.size()); }
  int64_t tokens() const { return std::accumulate(lengths.begin(), lengths.end(), idle_tokens); }
  int64_t queries() const { return first_query_only ? sequences() : tokens(); }
};

Tensor input(const Shape& shape, uint64_t seed) {
  return test::normal(shape, seed).to(Device::cuda);
}
Tensor result(const Shape& shape) {
  return Tensor::empty(shape, kReal, Device::cuda);
}

// Linears of one size with deltas of these ranks.
DeltaProduct product_of(int64_t in, int64_t out, const std::vector<int64_t>& ranks) {
  DeltaProduct product;
  std::vector<DeltaMatrix::Linear> linears;
  uint64_t seed = 20;
  for (const int64_t rank : ranks) {
    linears.push_back({input({out, in}, seed), input({out}, seed + 1), rank});
    product.deltas.push_back({Variable(input({rank, in}, seed + 2)),
                              Variable(input({out, rank}, seed + 3)),
                              Variable(input({rank}, seed + 4)), real(0.5)});
    seed += 5;
  }
  product.matrix = std::make_shared<const DeltaMatrix>(linears);
  return product;
}

// What attention has read and written, with tensors that keep it.
struct Attention {
  std::vector<Tensor> tensors;
  kernels::AttentionArgs args;
  Tensor y;
};

Attention attention_of(const Setup& setup) {
  const int64_t tokens = setup.tokens(), hidden = setup.hidden(), positions = 9;
  std::vector<int64_t> offsets = {0};
  for (const int64_t length : setup.lengths) offsets.push_back(offsets.back() + length);
  std::vector<int32_t> rows;
  for (int64_t d = 1 - setup.max_length; d < setup.max_length; ++d) {
    rows.push_back(static_cast<int32_t>(std::clamp<int64_t>(d + positions / 2, 0, positions - 1)));
  }
  const auto width = static_cast<int64_t>(rows.size());
  Attention of{.tensors = {input({setup.queries(), hidden}, 1), input({tokens, hidden}, 2),
                           input({tokens, hidden}, 3), input({positions, hidden}, 4),
                           input({positions, hidden}, 5),
                           Tensor::from(offsets, {setup.sequences() + 1}, Device::cuda),
                           Tensor::from(rows, {width}, Device::cuda),
                           result({setup.queries(), setup.heads})},
               .args = {},
               .y = result({setup.queries(), hidden})};
  of.args = {.q = of.tensors[0].data(),
             .k = of.tensors[1].data(),
             .v = of.tensors[2].data(),
             .position_key = of.tensors[3].data(),
             .position_query = of.tensors[4].data(),
             .offsets = of.tensors[5].data<int64_t>(),
             .distance_row = of.tensors[6].data<int32_t>(),
             .y = of.y.data(),
             .log_sum = of.tensors[7].data(),
             .tokens = tokens,
             .sequences = setup.sequences(),
             .heads = setup.heads,
             .head_size = setup.head_size,
             .max_length = setup.max_length,
             .positions = positions,
             .scale = real(0.1),
             .drop_threshold = drop_threshold(0.2),
             .keep_scale = real(1.25),
             .stream = {.seed = 7, .site = 3, .step = 5},
             .first_query_only = setup.first_query_only,
             .bf16 = true};
  return of;
}

void check_close(const Tensor& actual, const Tensor& expected) {
  CHECK(test::difference(actual.to_vector(), expected.to_vector()) <= kTolerance);
}

// The operands' sums, and the products of them.
void check_operands(const DeltaOperand& actual, const DeltaOperand& expected) {
  check_close(actual.made.sums, expected.made.sums);
  if (!expected.made.forward) check_close(actual.made.scaled, expected.made.scaled);
  if (!expected.has_rows) return;
  const DeltaMatrix& matrix = *expected.matrix;
  const auto product_with = [&](const DeltaOperand& operand) {
    const Tensor& rows = operand.made.rows;
    const bool forward = operand.made.forward;
    const Tensor y = result({rows.size(0), forward ? matrix.out() : matrix.in()});
    if (forward) {
      matrix.forward({.operand = rows, .y = y.data()});
    } else {
      matrix.backward({.operand = rows, .dx = y.data()});
    }
    return y;
  };
  check_close(product_with(actual), product_with(expected));
}

// y, and the operand of the product after attention.
void check_forward(const Setup& setup) {
  const Attention fused = attention_of(setup), apart = attention_of(setup);
  // Matrices of their own, whose borders the kernels write.
  const auto next = DeltaOperand::of_value(product_of(setup.hidden(), 24, {setup.rank}));
  const auto expected = DeltaOperand::of_value(product_of(setup.hidden(), 24, {setup.rank}));
  kernels::attention_operand(Device::cuda, {fused.args, next->begin(fused.y)});
  kernels::attention(Device::cuda, apart.args);
  kernels::delta_operand(Device::cuda, expected->begin(apart.y));
  CHECK(fused.y.to_vector() == apart.y.to_vector());
  check_operands(*next, *expected);
}

// dq, dk and dv one below another, and the operand of them, for the product before attention.
void check_backward(const Setup& setup, bool has_rows) {
  const int64_t tokens = setup.tokens(), hidden = setup.hidden();
  const Attention of = attention_of(setup);
  kernels::attention(Device::cuda, of.args);
  const Tensor dy = input({tokens, hidden}, 6), x = input({tokens, 16}, 8);
  const auto run = [&](bool fused) {
    const Tensor gradients = result({3 * tokens, hidden}), tables = result({18, hidden});
    const auto value = DeltaOperand::of_value(product_of(16, hidden, {setup.rank, 1, 3}));
    kernels::delta_operand(Device::cuda, value->begin(x));  // writes B by rank
    auto operand = value->of_gradient();
    operand->has_rows = has_rows;
    const kernels::AttentionBackwardArgs args{.forward = of.args,
                                              .dy = dy.data(),
                                              .dq = gradients.data(),
                                              .dk = gradients.data() + tokens * hidden,
                                              .dv = gradients.data() + 2 * tokens * hidden,
                                              .dposition_key = tables.data(),
                                              .dposition_query = tables.data() + 9 * hidden};
    if (fused) {
      kernels::attention_operand_backward(Device::cuda, {args, operand->begin(gradients)});
    } else {
      kernels::attention_backward(Device::cuda, args);
      kernels::delta_operand(Device::cuda, operand->begin(gradients));
    }
    return std::pair(operand, std::vector{gradients.to_vector(), tables.to_vector()});
  };
  const auto [actual, of_actual] = run(true);
  const auto [expected, of_expected] = run(false);
  CHECK(of_actual == of_expected);
  check_operands(*actual, *expected);
}

}  // namespace

TEST_CASE("attention_operand: a GPU makes the operands that the two kernels make") {
  if (test::skipped_without_gpu()) return;
  const Setup setups[] = {
      {.lengths = {33, 5, 40}, .idle_tokens = 7, .heads = 3, .head_size = 64, .rank = 8},
      {.lengths = {1, 36}, .idle_tokens = 0, .heads = 4, .head_size = 20, .rank = 5},
      {.lengths = {3, 4}, .idle_tokens = 40, .heads = 2, .head_size = 4, .rank = 70},
      {.lengths = {34}, .idle_tokens = 2, .heads = 1, .head_size = 128, .rank = 2}};
  for (const Setup& setup : setups) {
    CAPTURE(setup.head_size);
    check_forward(setup);
    check_backward(setup, true);
  }
  check_backward(setups[1], false);
  check_forward({.lengths = {33, 5, 40},
                 .idle_tokens = 7,
                 .heads = 3,
                 .head_size = 64,
                 .rank = 6,
                 .first_query_only = true});
  // More tiles than counters.
  check_forward({.lengths = std::vector<int64_t>(2, 1),
                 .idle_tokens = 0,
                 .heads = 2,
                 .head_size = 4,
                 .rank = 3,
                 .max_length = 300'000});
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
