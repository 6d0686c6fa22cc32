// Attention composed from matrix products, per sequence and head. Selections that no other op has
// (the columns of a head, the rows of a table by distance) are products with constant matrices of
// zeros and ones.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/joint_ops.h"
#include "autograd/ops.h"
#include "core/kernels/attention/attention.h"
#include "tests/op_cases.h"
#include "tests/op_cases/deltas.h"

namespace soragrad::test {
namespace {

constexpr int64_t kPositions = 5;

struct Setup {
  std::string what;
  std::vector<int64_t> lengths;
  bool position_key = true, position_query = true;
  double dropout = 0;
  bool first_query_only = false;
  int64_t idle_tokens = 0;
  int64_t idle_length = 0;  // by which max_length is rounded up
  Precision precision = Precision::fp32;
  int64_t heads = 2;
  int64_t head_size = 3;  // a GPU's kernels for bf16 take multiples of 4
  real scale = 0;         // of the scores; 0: that of three terms

  int64_t hidden() const { return heads * head_size; }
  int64_t tokens() const { return std::accumulate(lengths.begin(), lengths.end(), idle_tokens); }
};

// Rows like DeBERTa's log buckets: distances near 0 have rows of their own, far ones share one.
std::vector<int32_t> distance_rows(int64_t max_length) {
  std::vector<int32_t> rows;
  for (int64_t d = 1 - max_length; d < max_length; ++d) {
    const int64_t bucket = d < -2 ? -2 : d > 2 ? 2 : d;
    rows.push_back(static_cast<int32_t>(bucket + kPositions / 2));
  }
  return rows;
}

AttentionLayout layout_of(const Setup& setup, Device device) {
  AttentionLayout layout;
  layout.host_offsets = {0};
  for (const int64_t length : setup.lengths) {
    layout.host_offsets.push_back(layout.host_offsets.back() + length);
    layout.max_length = std::max(layout.max_length, length);
  }
  layout.max_length += setup.idle_length;
  layout.idle_tokens = setup.idle_tokens;
  const int64_t count = static_cast<int64_t>(layout.host_offsets.size());
  layout.offsets = Tensor::from(layout.host_offsets, {count}, device);
  layout.distance_row =
      Tensor::from(distance_rows(layout.max_length), {2 * layout.max_length - 1}, device);
  return layout;
}

AttentionOptions options_of(const Setup& setup) {
  return {.heads = setup.heads,
          .scale = setup.scale > 0 ? setup.scale
                                   : static_cast<real>(
                                         1 / std::sqrt(3.0 * static_cast<double>(setup.head_size))),
          .dropout = setup.dropout,
          .stream = {.seed = 99, .site = 4, .step = 1},
          .first_query_only = setup.first_query_only,
          .precision = setup.precision};
}

struct Inputs {
  Variable q, k, v, position_key, position_query;
};

Inputs operands_of(const Setup& setup, std::span<const Variable> in) {
  Inputs inputs{in[0], in[1], in[2], {}, {}};
  size_t next = 3;
  if (setup.position_key) inputs.position_key = in[next++];
  if (setup.position_query) inputs.position_query = in[next++];
  return inputs;
}

// (head size, hidden): picks the columns of one head.
Variable columns_of(const Setup& setup, int64_t head, Device device) {
  std::vector<int64_t> columns;
  for (int64_t j = 0; j < setup.head_size; ++j) columns.push_back(head * setup.head_size + j);
  return one_hot(columns, setup.hidden(), device);
}

// y (queries, keys) with y(i, j) = table(i, r) where r belongs to the distance i - j, from products
// table (queries, positions); `of_key` reads table(j, r), table (keys, positions).
Variable by_distance(const Variable& table, const std::vector<int32_t>& rows, int64_t queries,
                     int64_t keys, bool of_key) {
  const int64_t max_length = (static_cast<int64_t>(rows.size()) + 1) / 2;
  Variable y;
  for (int64_t r = 0; r < kPositions; ++r) {
    // Column r of the table, once a column (or row) of y, where the distance has row r.
    std::vector<real> mask(static_cast<size_t>(queries * keys));
    for (int64_t i = 0; i < queries; ++i) {
      for (int64_t j = 0; j < keys; ++j) {
        mask[static_cast<size_t>(i * keys + j)] =
            rows[static_cast<size_t>(i - j + max_length - 1)] == r;
      }
    }
    const std::vector<int64_t> repeated(static_cast<size_t>(of_key ? queries : keys), r);
    const Variable pick = one_hot(repeated, kPositions, table.device());
    const Variable column = of_key ? matmul(pick, table, false, true)   // (queries, keys)
                                   : matmul(table, pick, false, true);  // (queries, keys)
    const Variable part = mul(column, constant(mask, {queries, keys}, table.device()));
    y = y.defined() ? add(y, part) : part;
  }
  return y;
}

// Attention of one head of the sequence of tokens [begin, end) with its queries q.
Variable one_head(const Setup& setup, const AttentionOptions& options,
                  const std::vector<int32_t>& rows, const Inputs& in, int64_t begin, int64_t head) {
  const int64_t queries = in.q.size(0), keys = in.k.size(0);
  const auto of_head = [&](const Variable& x) {
    return matmul(x, columns_of(setup, head, x.device()), false, true);
  };
  const Variable q = of_head(in.q), k = of_head(in.k), v = of_head(in.v);
  Variable scores = matmul(q, k, false, true);
  if (setup.position_key) {
    const Variable c2p = matmul(q, of_head(in.position_key), false, true);
    scores = add(scores, by_distance(c2p, rows, queries, keys, false));
  }
  if (setup.position_query) {
    const Variable p2c = matmul(k, of_head(in.position_query), false, true);
    scores = add(scores, by_distance(p2c, rows, queries, keys, true));
  }
  Variable p = softmax(scale(scores, options.scale));
  if (options.dropout > 0) {
    std::vector<real> mask;
    for (int64_t i = 0; i < queries; ++i) {
      const auto first = static_cast<uint64_t>((begin + i) * setup.heads + head)
                         << kernels::kAttentionRowBits;
      const auto row = dropout_mask({keys}, options.dropout, options.stream, first).to_vector();
      mask.insert(mask.end(), row.begin(), row.end());
    }
    p = mul(p, constant(mask, {queries, keys}, p.device()));
  }
  return matmul(p, v);
}

// Forward rounds, backward hands the gradient on.
Variable round_value(const Variable& x) {
  return record("attention", rounded(x.value()), {x},
                [](const Tensor& dy, Gradients& gradients) { gradients.add(0, dy); });
}
// Forward hands the value on, backward rounds.
Variable round_gradient(const Variable& x) {
  return record("attention", x.value().clone(), {x},
                [](const Tensor& dy, Gradients& gradients) { gradients.add(0, rounded(dy)); });
}

Variable composed_fp32(const Setup& setup, std::span<const Variable> variables) {
  const Inputs in = operands_of(setup, variables);
  const AttentionLayout layout = layout_of(setup, in.q.device());
  const AttentionOptions options = options_of(setup);
  const std::vector<int32_t> rows = distance_rows(layout.max_length);
  Variable y;
  for (size_t s = 0; s < setup.lengths.size(); ++s) {
    const int64_t begin = layout.host_offsets[s], end = layout.host_offsets[s + 1];
    const int64_t first = setup.first_query_only ? static_cast<int64_t>(s) : begin;
    const int64_t last = setup.first_query_only ? first + 1 : end;
    const Inputs sequence{slice_rows(in.q, first, last), slice_rows(in.k, begin, end),
                          slice_rows(in.v, begin, end), in.position_key, in.position_query};
    std::vector<int64_t> places;
    for (int64_t i = first; i < last; ++i) places.push_back(i);
    const Variable place_rows = one_hot(places, in.q.size(0), in.q.device());
    for (int64_t head = 0; head < setup.heads; ++head) {
      const Variable of_head = one_head(setup, options, rows, sequence, begin, head);
      const Variable wide = matmul(of_head, columns_of(setup, head, in.q.device()));
      const Variable placed = matmul(place_rows, wide, true, false);
      y = y.defined() ? add(y, placed) : placed;
    }
  }
  return y;
}

Variable composed(const Setup& setup, std::span<const Variable> variables) {
  if (setup.precision == Precision::fp32) return composed_fp32(setup, variables);
  std::vector<Variable> operands;
  for (const Variable& x : variables) operands.push_back(round_value(x));
  return round_gradient(composed_fp32(setup, operands));
}

// The operands of attention() in a tensor of q, k and v and one of both tables.
std::vector<Variable> parts_of(const Setup& setup, const Variable& qkv, const Variable& positions) {
  const int64_t tokens = setup.tokens();
  std::vector<Variable> parts;
  for (int64_t i = 0; i < 3; ++i) parts.push_back(slice_rows(qkv, i * tokens, (i + 1) * tokens));
  if (setup.first_query_only) {
    const AttentionLayout layout = layout_of(setup, qkv.device());
    const auto sequences = static_cast<int64_t>(setup.lengths.size());
    parts[0] = select_rows(parts[0], layout.offsets.slice(0, sequences));
  }
  if (setup.position_key) {
    parts.push_back(slice_rows(positions, kPositions, 2 * kPositions));
    parts.push_back(slice_rows(positions, 0, kPositions));
  }
  return parts;
}

// q, k and v, and the position tables, one below another.
void add_joint_case(std::vector<OpCase>& rows, const Setup& setup) {
  const int64_t hidden = setup.hidden();
  std::vector<OpInput> inputs = {{normal({3 * setup.tokens(), hidden}, 85)}};
  if (setup.position_key) inputs.push_back({normal({2 * kPositions, hidden}, 86)});
  const auto call = [=](std::span<const Variable> in) {
    return attention(in[0], setup.position_key ? in[1] : Variable(),
                     layout_of(setup, in[0].device()), options_of(setup));
  };
  const auto composed_of = [=](std::span<const Variable> in) {
    return composed(setup, parts_of(setup, in[0], setup.position_key ? in[1] : Variable()));
  };
  rows.push_back({.op = "attention",
                  .what = setup.what,
                  .inputs = inputs,
                  .call = call,
                  .composed = composed_of,
                  .tolerance = 1e-5,
                  .reason = "a chain of products, exponentials and sums"});
}

// Attention between a product of three Linears and one Linear, whose operands its kernels make.
struct Between {
  Setup setup;
  std::vector<int64_t> ranks;  // of the three
  int64_t rank;                // of the one
  bool x_trains = true;
};

void add_between_case(std::vector<OpCase>& rows, const Between& shape) {
  constexpr int64_t kIn = 16, kOut = 8;
  const Setup& setup = shape.setup;
  const int64_t tokens = setup.tokens(), hidden = setup.hidden();
  std::vector<OpInput> inputs = inputs_of({"", tokens, kIn, hidden, shape.ranks, shape.x_trains});
  const size_t dense = inputs.size(), positions = dense + kOfLinear;
  const std::vector<OpInput> of_dense = inputs_of({"", tokens, hidden, kOut, {shape.rank}});
  inputs.insert(inputs.end(), of_dense.begin() + 1, of_dense.end());
  if (setup.position_key) inputs.push_back({normal({2 * kPositions, hidden}, 86)});
  const auto tables = [=](std::span<const Variable> in) {
    return setup.position_key ? in[positions] : Variable();
  };
  const auto composed_of = [=](std::span<const Variable> in) {
    const Variable qkv = stacked(in[0], in.subspan(1, dense - 1));
    const Variable y = composed(setup, parts_of(setup, qkv, tables(in)));
    return separate(y, in.subspan(dense, kOfLinear));
  };
  const auto call = [=](std::span<const Variable> in) {
    if (in[0].device() == Device::cpu) return composed_of(in);
    const Variable qkv = linear_deltas({in[0], {}}, product_of(in.subspan(1, dense - 1)));
    const DeltaProduct next = product_of(in.subspan(dense, kOfLinear));
    AttentionOptions options = options_of(setup);
    options.next = &next;
    const Variable y = attention(qkv, tables(in), layout_of(setup, in[0].device()), options);
    return linear_deltas({y, {}}, next);
  };
  rows.push_back({.op = "linear_deltas",
                  .what = setup.what,
                  .inputs = std::move(inputs),
                  .call = call,
                  .composed = composed_of,
                  .tolerance = 1e-3,
                  .reason = "numbers between the ops may be rounded to either neighbour, and "
                            "attention carries that on"});
}

void add_between_cases(std::vector<OpCase>& rows) {
  constexpr real kScale = 0.02;  // of the scores, as q and k are large
  add_between_case(rows, {.setup = {.what = "attention between Linears",
                                    .lengths = {4, 1, 7},
                                    .dropout = 0.2,
                                    .idle_tokens = 5,
                                    .precision = Precision::bf16,
                                    .heads = 6,
                                    .head_size = 4,
                                    .scale = kScale},
                          .ranks = {3, 9, 1},
                          .rank = 5});
  add_between_case(rows, {.setup = {.what = "attention between Linears, more than a tile",
                                    .lengths = {2, 34},
                                    .position_key = false,
                                    .position_query = false,
                                    .idle_tokens = 3,
                                    .idle_length = 30,
                                    .precision = Precision::bf16,
                                    .head_size = 12,
                                    .scale = kScale},
                          .ranks = {4, 1, 2},
                          .rank = 8});
  add_between_case(rows, {.setup = {.what = "attention between Linears, first query only",
                                    .lengths = {4, 1, 7},
                                    .first_query_only = true,
                                    .idle_tokens = 3,
                                    .precision = Precision::bf16,
                                    .head_size = 4,
                                    .scale = kScale},
                          .ranks = {2, 2, 2},
                          .rank = 3});
  add_between_case(rows, {.setup = {.what = "attention between Linears, one head, x frozen",
                                    .lengths = {5, 2},
                                    .precision = Precision::bf16,
                                    .heads = 1,
                                    .head_size = 8,
                                    .scale = kScale},
                          .ranks = {2, 2, 2},
                          .rank = 3,
                          .x_trains = false});
  add_between_case(rows,
                   {.setup = {.what = "attention between Linears, no kernel for the head size",
                              .lengths = {5, 2},
                              .precision = Precision::bf16,
                              .heads = 4,
                              .head_size = 2,
                              .scale = kScale},
                    .ranks = {2, 2, 2},
                    .rank = 3});
}

}  // namespace

void add_attention_cases(std::vector<OpCase>& rows) {
  const std::vector<int64_t> mixed = {4, 1, 7};
  const std::vector<Setup> setups = {
      {.what = "no position table",
       .lengths = mixed,
       .position_key = false,
       .position_query = false},
      {.what = "both position tables", .lengths = mixed},
      {.what = "position_key alone", .lengths = mixed, .position_query = false},
      {.what = "position_query alone", .lengths = mixed, .position_key = false},
      {.what = "dropout", .lengths = mixed, .dropout = 0.3},
      {.what = "first query only", .lengths = mixed, .first_query_only = true},
      {.what = "first query only, dropout",
       .lengths = mixed,
       .dropout = 0.3,
       .first_query_only = true},
      {.what = "first query only, no position table",
       .lengths = mixed,
       .position_key = false,
       .position_query = false,
       .first_query_only = true},
      {.what = "a single token", .lengths = {1}},
      {.what = "one long sequence", .lengths = {19}, .dropout = 0.1},
      {.what = "more than a tile of CUDA's or a block of the CPU's",
       .lengths = {2, 34},
       .dropout = 0.1},
      {.what = "idle tokens", .lengths = mixed, .dropout = 0.3, .idle_tokens = 5},
      {.what = "idle tokens and a longer table",
       .lengths = {2, 9},
       .idle_tokens = 40,
       .idle_length = 30},
      {.what = "idle tokens, first query only",
       .lengths = mixed,
       .first_query_only = true,
       .idle_tokens = 3,
       .idle_length = 2},
      {.what = "bf16, no position table",
       .lengths = mixed,
       .position_key = false,
       .position_query = false,
       .precision = Precision::bf16,
       .head_size = 4},
      {.what = "bf16, more than a tile, dropout",
       .lengths = {2, 34},
       .dropout = 0.1,
       .idle_tokens = 5,
       .idle_length = 30,
       .precision = Precision::bf16,
       .head_size = 4},
      {.what = "bf16, position_key alone, first query only",
       .lengths = {19, 5},
       .position_query = false,
       .first_query_only = true,
       .idle_tokens = 3,
       .precision = Precision::bf16,
       .head_size = 4},
      {.what = "bf16, position_query alone",
       .lengths = mixed,
       .position_key = false,
       .precision = Precision::bf16,
       .head_size = 4},
  };
  for (const Setup& setup : setups) {
    const int64_t tokens = setup.tokens();
    const int64_t queries =
        setup.first_query_only ? static_cast<int64_t>(setup.lengths.size()) : tokens;
    const int64_t hidden = setup.hidden();
    std::vector<OpInput> inputs = {{normal({queries, hidden}, 80)},
                                   {normal({tokens, hidden}, 81)},
                                   {normal({tokens, hidden}, 82)}};
    if (setup.position_key) inputs.push_back({normal({kPositions, hidden}, 83)});
    if (setup.position_query) inputs.push_back({normal({kPositions, hidden}, 84)});
    rows.push_back({.op = "attention",
                    .what = setup.what,
                    .inputs = inputs,
                    .call =
                        [=](auto in) {
                          const Inputs of = operands_of(setup, in);
                          return attention(of.q, of.k, of.v, of.position_key, of.position_query,
                                           layout_of(setup, of.q.device()), options_of(setup));
                        },
                    .composed = [=](auto in) { return composed(setup, in); },
                    .tolerance = setup.precision == Precision::bf16 ? 2e-5 : 1e-5,
                    .reason = setup.precision == Precision::bf16
                                  ? "as in fp32 with operands rounded alike; on tensor cores "
                                    "probabilities and their gradients have 2^-17, 8e-6, besides"
                                  : "a chain of products, exponentials and sums of up to 34 keys"});
  }
  add_joint_case(rows, {.what = "one tensor of q, k, v and one of both tables", .lengths = mixed});
  add_joint_case(rows, {.what = "one tensor of q, k, v, no position table",
                        .lengths = mixed,
                        .position_key = false,
                        .position_query = false});
  add_between_cases(rows);
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
