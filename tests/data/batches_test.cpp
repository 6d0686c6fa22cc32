#include "data/batches.h"

#include <doctest/doctest.h>

#include <span>

#include "tests/files.h"

namespace soragrad::data {
namespace {

struct Rows {
  std::vector<Encoded> encoded;
  std::vector<Example> examples;

  explicit Rows(int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
      encoded.push_back({std::vector<int32_t>(static_cast<size_t>(1 + i % 5), i), -1});
      examples.push_back({.text_a = "", .label = i});
    }
  }
};

TEST_CASE("batches: the sampler's order over several epochs") {
  const Rows rows(10);
  Sampler sampler({.rows = 10, .batch_size = 4, .seed = 7});
  int64_t number = 0;
  const auto all = batches(rows.encoded, rows.examples, {.size = 4, .epochs = 3, .seed = 7});
  CHECK(all.size() == 9);
  for (const Batch& batch : all) {
    const std::vector<int64_t> expected = sampler.step(number++).front();
    CHECK(batch.rows == expected);
    CHECK(batch.labels == expected);
  }
  CHECK(number == 9);
}

TEST_CASE("batches: steps have their batches together and may begin anywhere") {
  const Rows rows(10);
  const BatchOptions options{.size = 2, .accumulation = 2, .max_steps = 7, .shuffle = false};
  std::vector<size_t> parts;
  std::vector<int64_t> first;
  for (const std::vector<Batch>& step : steps(rows.encoded, rows.examples, options)) {
    parts.push_back(step.size());
    first.push_back(step.front().rows.front());
  }
  CHECK(parts == std::vector<size_t>{2, 2, 1, 2, 2, 1, 2});
  CHECK(first == std::vector<int64_t>{0, 4, 8, 0, 4, 8, 0});
  const auto rest = steps(rows.encoded, rows.examples, options).from(5);
  CHECK(rest.size() == 2);
  CHECK((*rest.begin()).front().rows.front() == 8);
  CHECK(rest.from(9).size() == 0);
}

TEST_CASE("batches: rows of like length share a batch") {
  const Rows rows(40);
  const auto all = batches(rows.encoded, rows.examples, {.size = 8, .group_by_length = true});
  const Batch first = *all.begin();
  CHECK(first.max_length() == 5);
  CHECK(first.offsets[1] == 5);  // the longest row of all comes first
}

TEST_CASE("batches: what cannot be a batch is refused") {
  const Rows rows(3);
  CHECK_THROWS_AS(batches(std::span<const Encoded>(), std::span<const Example>()), Error);
  CHECK_THROWS_AS(batches(rows.encoded, std::span<const Example>()), Error);
  CHECK_THROWS_AS(batches(rows.encoded, rows.examples, {.size = 0}), Error);
  CHECK_THROWS_AS(batches(rows.encoded, rows.examples, {.epochs = 0}), Error);
  CHECK_THROWS_AS(batches(rows.encoded, rows.examples, {.size = 1, .epochs = INT64_MAX}), Error);
  const auto all = batches(rows.encoded, rows.examples, {.size = 1});
  CHECK(all.from(1).from(INT64_MAX).size() == 0);
}

}  // namespace
}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
