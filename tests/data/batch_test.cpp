#include "data/batch.h"

#include <doctest/doctest.h>

#include "core/error.h"

using namespace soragrad;
using namespace soragrad::data;

namespace {

using List = std::vector<int64_t>;

const std::vector<Encoded> kEncoded = {{{1, 9, 2}, -1}, {{1, 7, 2, 8, 2}, 3}, {{1, 2}, -1}};

std::vector<Example> examples() {
  return {{.label = 1, .score = 0.5f}, {.label = 0, .score = 2.f}, {.label = 2, .score = 5.f}};
}

}  // namespace

TEST_CASE("batch: rows follow one another without padding") {
  const Batch batch = collate(kEncoded, examples(), List{1, 2, 0});
  CHECK(batch.input_ids == List{1, 7, 2, 8, 2, 1, 2, 1, 9, 2});
  CHECK(batch.token_type_ids == List{0, 0, 0, 1, 1, 0, 0, 0, 0, 0});
  CHECK(batch.offsets == List{0, 5, 7, 10});
  CHECK(batch.labels == List{0, 2, 1});
  CHECK(batch.scores == std::vector<float>{2.f, 5.f, 0.5f});
  CHECK(batch.rows == List{1, 2, 0});
  CHECK(batch.sequences() == 3);
  CHECK(batch.tokens() == 10);
  CHECK(batch.max_length() == 5);
}

TEST_CASE("batch: no rows make an empty batch") {
  const Batch batch = collate(kEncoded, examples(), List{});
  CHECK(batch.offsets == List{0});
  CHECK(batch.sequences() == 0);
  CHECK(batch.max_length() == 0);
}

TEST_CASE("batch: rows that do not exist and unequal lists are errors") {
  CHECK_THROWS_AS(collate(kEncoded, examples(), List{3}), Error);
  CHECK_THROWS_AS(collate(kEncoded, examples(), List{-1}), Error);
  CHECK_THROWS_AS(collate(kEncoded, std::vector<Example>(2), List{0}), Error);
}

// SPDX-License-Identifier: Apache-2.0
