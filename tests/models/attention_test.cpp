// Attention at the sizes of real models, on a GPU, or an emulated one, and in bf16; op_cases has
// small ones. Covers several tiles of queries and keys, DeBERTaV3's near and far buckets, several
// chunks of columns, and more sequences than groups.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "models/relative_position.h"
#include "tests/gpu.h"
#include "tests/op_cases.h"

namespace soragrad {
namespace {

// Scores reach 10. Their rounding in float, 1e-6, becomes a relative error of the probabilities,
// and gradients of the tables add up to 500 of these.
constexpr double kTolerance = 1e-5;
// In bf16 all round the same operands; the two parts of a probability add 2^-17 of it.
constexpr double kBf16Tolerance = 2e-5;

struct Setup {
  std::string what;
  std::vector<int64_t> lengths;
  int64_t heads, head_size;
  bool positions = true;
  double dropout = 0;
  bool first_query_only = false;
  Precision precision = Precision::fp32;
  // Whoever wants the probabilities gets fp32 products of rounded operands.
  bool probabilities = false;
};

AttentionLayout layout_of(const Setup& setup, const models::RelativeRows& rows, Device device) {
  AttentionLayout layout;
  layout.host_offsets = {0};
  for (const int64_t length : setup.lengths) {
    layout.host_offsets.push_back(layout.host_offsets.back() + length);
    layout.max_length = std::max(layout.max_length, length);
  }
  const auto count = static_cast<int64_t>(layout.host_offsets.size());
  layout.offsets = Tensor::from(layout.host_offsets, {count}, device);
  const auto width = static_cast<int64_t>(rows.distance_row.size());
  layout.distance_row = Tensor::from(rows.distance_row, {width}, device);
  return layout;
}

test::OpCase case_of(const Setup& setup) {
  constexpr int64_t kBuckets = 256, kMaxDistance = 512;  // DeBERTaV3-base config.json
  const int64_t max_length = *std::max_element(setup.lengths.begin(), setup.lengths.end());
  const models::RelativeRows rows = models::relative_rows(max_length, kBuckets, kMaxDistance);
  const int64_t hidden = setup.heads * setup.head_size, positions = rows.end - rows.begin;
  int64_t tokens = 0;
  for (const int64_t length : setup.lengths) tokens += length;
  const int64_t queries =
      setup.first_query_only ? static_cast<int64_t>(setup.lengths.size()) : tokens;
  test::OpCase row{.op = "attention",
                   .what = setup.what,
                   .inputs = {{test::normal({queries, hidden}, 1)},
                              {test::normal({tokens, hidden}, 2)},
                              {test::normal({tokens, hidden}, 3)}}};
  if (setup.positions) {
    row.inputs.push_back({test::normal({positions, hidden}, 4)});
    row.inputs.push_back({test::normal({positions, hidden}, 5)});
  }
  row.call = [=](std::span<const Variable> in) {
    const double terms = setup.positions ? 3 : 1;
    Tensor probabilities;
    return attention(
        in[0], in[1], in[2], setup.positions ? in[3] : Variable(),
        setup.positions ? in[4] : Variable(), layout_of(setup, rows, in[0].device()),
        {.heads = setup.heads,
         .scale = static_cast<real>(1 / std::sqrt(terms * static_cast<double>(setup.head_size))),
         .dropout = setup.dropout,
         .stream = {.seed = 7, .site = 3, .step = 5},
         .first_query_only = setup.first_query_only,
         .precision = setup.precision,
         .probabilities = setup.probabilities ? &probabilities : nullptr});
  };
  return row;
}

void compare(const test::Outcome& actual, const test::Outcome& expected, double tolerance) {
  CHECK(test::difference(actual.value, expected.value) <= tolerance);
  for (size_t i = 0; i < expected.gradients.size(); ++i) {
    CAPTURE(i);
    CHECK(test::difference(actual.gradients[i], expected.gradients[i]) <= tolerance);
  }
}

test::Outcome outcome(const Setup& setup, Device device) {
  const test::OpCase row = case_of(setup);
  return test::run_case(row, row.call, device);
}

void compare(const Setup& setup, double tolerance) {
  CAPTURE(setup.what);
  compare(outcome(setup, Device::cuda), outcome(setup, Device::cpu), tolerance);
}

// What both precisions are tried with.
std::vector<Setup> real_sizes() {
  return {
      {.what = "a tile and one more", .lengths = {33, 32, 31, 1}, .heads = 2, .head_size = 64},
      {.what = "head size 8", .lengths = {40, 3}, .heads = 3, .head_size = 8, .dropout = 0.1},
      {.what = "head size 128", .lengths = {40}, .heads = 1, .head_size = 128, .dropout = 0.1},
      {.what = "buckets of several distances",
       .lengths = {150, 20},
       .heads = 1,
       .head_size = 16,
       .dropout = 0.1},
      {.what = "beyond the largest distance", .lengths = {530}, .heads = 1, .head_size = 8},
      {.what = "the first query, beyond the largest distance",
       .lengths = {530, 64},
       .heads = 2,
       .head_size = 16,
       .dropout = 0.1,
       .first_query_only = true},
      {.what = "more sequences than groups",
       .lengths = std::vector<int64_t>(70, 3),
       .heads = 1,
       .head_size = 8},
      {.what = "no positions",
       .lengths = {70, 33},
       .heads = 2,
       .head_size = 64,
       .positions = false,
       .dropout = 0.1},
  };
}

}  // namespace

TEST_CASE("attention: a GPU agrees with the CPU at the sizes of real models") {
  if (test::skipped_without_gpu()) return;
  std::vector<Setup> setups = real_sizes();
  setups.push_back(
      {.what = "head size 36: a chunk and 4", .lengths = {35}, .heads = 2, .head_size = 36});
  for (const Setup& setup : setups) compare(setup, kTolerance);
}

TEST_CASE("attention: a GPU's tensor cores agree with the CPU's rounded operands") {
  if (test::skipped_without_gpu()) return;
  std::vector<Setup> setups = real_sizes();
  setups.push_back(
      {.what = "head size 25, an odd one", .lengths = {35}, .heads = 2, .head_size = 25});
  setups.push_back(
      {.what = "head size 136: no kernel for it", .lengths = {35}, .heads = 1, .head_size = 136});
  for (Setup& setup : setups) {
    setup.precision = Precision::bf16;
    compare(setup, kBf16Tolerance);
  }
}

TEST_CASE("attention: the CPU's products in bf16 are those of rounded operands") {
  for (Setup& setup : real_sizes()) {
    CAPTURE(setup.what);
    const test::Outcome exact = outcome(setup, Device::cpu);
    setup.precision = Precision::bf16;
    const test::Outcome actual = outcome(setup, Device::cpu);
    setup.probabilities = true;
    compare(actual, outcome(setup, Device::cpu), kBf16Tolerance);
    CHECK(test::difference(actual.value, exact.value) > 50 * kBf16Tolerance);
  }
}

TEST_CASE("attention: a GPU shows the probabilities of rounded operands") {
  if (test::skipped_without_gpu()) return;
  std::vector<std::vector<real>> seen;
  for (const Device device : {Device::cpu, Device::cuda}) {
    const Variable x(test::normal({40, 16}, 1).to(device));
    AttentionLayout layout{.host_offsets = {0, 40}, .max_length = 40};
    layout.offsets = Tensor::from(layout.host_offsets, {2}, device);
    Tensor probabilities;
    const Variable y = attention(
        x, x, x, {}, {}, layout,
        {.heads = 2, .scale = 1, .precision = Precision::bf16, .probabilities = &probabilities});
    seen.push_back(probabilities.to_vector());
    seen.push_back(y.value().to_vector());
  }
  CHECK(test::difference(seen[2], seen[0]) <= kTolerance);
  CHECK(test::difference(seen[3], seen[1]) <= kTolerance);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
