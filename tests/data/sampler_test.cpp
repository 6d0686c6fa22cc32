#include "data/sampler.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/error.h"
#include "data/permutation.h"

using soragrad::Error;
using namespace soragrad::data;

namespace {

using Batches = std::vector<std::vector<int64_t>>;

// The rows of steps first to last, in order.
std::vector<int64_t> rows_of(Sampler& sampler, int64_t first, int64_t last) {
  std::vector<int64_t> rows;
  for (int64_t step = first; step < last; ++step) {
    for (const auto& batch : sampler.step(step))
      rows.insert(rows.end(), batch.begin(), batch.end());
  }
  return rows;
}

std::vector<int64_t> made_up_lengths(int64_t rows) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < rows; ++i) lengths.push_back(i * 7 % 11 + 3);
  return lengths;
}

}  // namespace

TEST_CASE("sampler: without shuffling steps take the rows in file order, epoch after epoch") {
  Sampler sampler({.rows = 7, .batch_size = 2, .accumulation = 3, .shuffle = false});
  CHECK(sampler.batches_per_epoch() == 4);
  CHECK(sampler.steps_per_epoch() == 2);
  CHECK(sampler.step(0) == Batches{{0, 1}, {2, 3}, {4, 5}});
  CHECK(sampler.step(1) == Batches{{6}});
  CHECK(sampler.step(2) == Batches{{0, 1}, {2, 3}, {4, 5}});
  CHECK(sampler.epoch_of(1) == 0);
  CHECK(sampler.epoch_of(2) == 1);
}

TEST_CASE("sampler: an epoch's order is torch.randperm with seed + epoch") {
  Sampler sampler({.rows = 10, .batch_size = 3, .seed = 42});
  REQUIRE(sampler.steps_per_epoch() == 4);
  CHECK(rows_of(sampler, 0, 4) == torch_randperm(10, 42));
  CHECK(rows_of(sampler, 4, 8) == torch_randperm(10, 43));
  CHECK(rows_of(sampler, 8, 12) == torch_randperm(10, 44));
}

// Reference: transformers 4.46.3 get_length_grouped_indices(lengths, batch, generator of seed 42).
TEST_CASE("sampler: groups by length as Hugging Face") {
  const std::vector<int64_t> small{14, 17, 16, 8,  1,  2, 0, 11, 6, 18, 21, 5,
                                   3,  15, 10, 19, 20, 4, 7, 22, 9, 12, 13};
  Sampler two({.rows = 23,
               .batch_size = 2,
               .group_by_length = true,
               .seed = 42,
               .lengths = made_up_lengths(23)});
  CHECK(rows_of(two, 0, two.steps_per_epoch()) == small);
  Sampler accumulated({.rows = 23,
                       .batch_size = 1,
                       .accumulation = 2,
                       .group_by_length = true,
                       .seed = 42,
                       .lengths = made_up_lengths(23)});
  CHECK(rows_of(accumulated, 0, accumulated.steps_per_epoch()) == small);

  Sampler four({.rows = 41,
                .batch_size = 4,
                .group_by_length = true,
                .seed = 42,
                .lengths = made_up_lengths(41)});
  CHECK(rows_of(four, 0, four.steps_per_epoch()) ==
        std::vector<int64_t>{36, 17, 21, 35, 16, 30, 0,  11, 31, 34, 15, 37, 29, 32,
                             13, 27, 39, 6,  1,  7,  10, 24, 2,  38, 28, 20, 12, 23,
                             5,  8,  22, 33, 14, 25, 9,  4,  26, 40, 18, 19, 3});

  Sampler wide({.rows = 5,
                .batch_size = 8,
                .group_by_length = true,
                .seed = 42,
                .lengths = made_up_lengths(5)});
  CHECK(wide.step(0) == Batches{{3, 1, 4, 2, 0}});
}

TEST_CASE("sampler: a fresh one asked for any step continues the same sequence") {
  for (const bool group : {false, true}) {
    const SamplerOptions options{.rows = 53,
                                 .batch_size = 4,
                                 .accumulation = 3,
                                 .group_by_length = group,
                                 .seed = 7,
                                 .lengths = made_up_lengths(53)};
    Sampler whole(options);
    const int64_t steps = 3 * whole.steps_per_epoch() + 2;
    std::vector<Batches> expected;
    for (int64_t step = 0; step < steps; ++step) expected.push_back(whole.step(step));
    for (int64_t start = 0; start < steps; ++start) {
      Sampler resumed(options);
      for (int64_t step = start; step < steps; ++step) {
        CAPTURE(step);
        REQUIRE(resumed.step(step) == expected[step]);
      }
    }
  }
}

TEST_CASE("sampler: every epoch holds every row once, whatever the options") {
  for (const int64_t batch : {1, 3, 16, 100}) {
    for (const int64_t accumulation : {1, 2, 50}) {
      for (const bool group : {false, true}) {
        Sampler sampler({.rows = 31,
                         .batch_size = batch,
                         .accumulation = accumulation,
                         .group_by_length = group,
                         .lengths = made_up_lengths(31)});
        const int64_t steps = sampler.steps_per_epoch();
        auto rows = rows_of(sampler, steps, 2 * steps);
        std::sort(rows.begin(), rows.end());
        std::vector<int64_t> all = torch_randperm(31, 0);
        std::sort(all.begin(), all.end());
        CHECK(rows == all);
      }
    }
  }
}

TEST_CASE("sampler: the steps of an epoch at GLUE's sizes and batch 8") {
  const std::pair<int64_t, int64_t> expected[] = {{8551, 1069},    {67349, 8419},   {3668, 459},
                                                  {5749, 719},     {363846, 45481}, {392702, 49088},
                                                  {104743, 13093}, {2490, 312}};
  for (const auto& [rows, steps] : expected) {
    CHECK(Sampler({.rows = rows, .batch_size = 8}).steps_per_epoch() == steps);
  }
}

TEST_CASE("sampler: sizes that make no sense are errors, huge ones are not") {
  CHECK_THROWS_AS(Sampler({.rows = 0}), Error);
  CHECK_THROWS_AS(Sampler({.rows = 5, .batch_size = 0}), Error);
  CHECK_THROWS_AS(Sampler({.rows = 5, .accumulation = -1}), Error);
  CHECK_THROWS_AS(Sampler({.rows = 5, .group_by_length = true, .lengths = {1, 2}}), Error);
  Sampler sampler(
      {.rows = 5, .batch_size = INT64_MAX, .accumulation = INT64_MAX, .shuffle = false});
  CHECK(sampler.step(1) == Batches{{0, 1, 2, 3, 4}});
  CHECK_THROWS_AS(sampler.step(-1), Error);
}

// SPDX-License-Identifier: Apache-2.0
