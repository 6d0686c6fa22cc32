#include "data/masks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/files.h"

namespace soragrad::data {
namespace {

struct Setup : test::TemporaryFolder {
  Setup() {
    write("config.json", R"({"model_type": "bert"})");
    std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (int i = 0; i < 45; ++i) vocab += "w" + std::to_string(i) + "\n";
    write("vocab.txt", vocab);
    tokenizer = load_tokenizer(path());
  }
  MaskedBatch batch(const MaskRule& rule, size_t length, uint32_t step, int64_t rows) const {
    const Masker masker(*tokenizer, 50, rule, 42);
    std::vector<int32_t> ids(length, 7);
    ids.front() = 2;
    ids.back() = 3;
    if (length > 5) ids[3] = 3;  // a special token inside of the text
    MaskedBatch batch;
    for (int64_t row = 0; row < rows; ++row) masker.append(ids, step, row, batch);
    return batch;
  }
  std::unique_ptr<Tokenizer> tokenizer;
};

}  // namespace

TEST_CASE("masks: exactly round(p * tokens) positions of a sequence, no special ones") {
  const Setup setup;
  for (const size_t length : {3, 4, 10, 37, 128}) {
    const MaskedBatch batch = setup.batch({}, length, 5, 40);
    const auto expected = std::max(1L, std::lround(0.15 * static_cast<double>(length)));
    CHECK(batch.predicted() == 40 * expected);
    CHECK(std::is_sorted(batch.positions.begin(), batch.positions.end()));
    CHECK(std::set(batch.positions.begin(), batch.positions.end()).size() ==
          batch.positions.size());
    for (const int64_t label : batch.labels) CHECK(label == 7);
  }
}

TEST_CASE("masks: the shares of masked, random and kept tokens") {
  const Setup setup;
  const MaskedBatch batch = setup.batch({0.5, 0.6, 0.3}, 100, 1, 400);
  double masked = 0, kept = 0, random = 0;
  std::set<int64_t> seen;
  for (const int64_t position : batch.positions) {
    const int64_t id = batch.input_ids[static_cast<size_t>(position)];
    masked += id == 4;
    kept += id == 7;
    random += id != 4 && id != 7;
    if (id != 4) seen.insert(id);
  }
  const double n = static_cast<double>(batch.predicted());
  CHECK(masked / n == doctest::Approx(0.6).epsilon(0.02));
  CHECK(kept / n == doctest::Approx(0.1 + 0.3 / 45).epsilon(0.05));
  CHECK(random / n == doctest::Approx(0.3 - 0.3 / 45).epsilon(0.04));
  CHECK(*seen.begin() == 5);  // every token but special ones
  CHECK(seen.size() == 45);
}

TEST_CASE("masks: every position is as likely, drawn anew for each step and row") {
  const Setup setup;
  std::vector<int> counts(20);
  std::set<std::vector<int64_t>> drawn;
  for (uint32_t step = 0; step < 60; ++step) {
    const MaskedBatch batch = setup.batch({}, 20, step, 50);
    for (int64_t row = 0; row < 50; ++row) {
      std::vector<int64_t> positions;
      for (int64_t i = 3 * row; i < 3 * row + 3; ++i) {
        positions.push_back(batch.positions[static_cast<size_t>(i)] - 20 * row);
      }
      for (const int64_t position : positions) ++counts[static_cast<size_t>(position)];
      drawn.insert(positions);
    }
  }
  CHECK(counts[0] == 0);
  CHECK(counts[3] == 0);
  CHECK(counts[19] == 0);
  for (const int place : {1, 2, 4, 10, 18})
    CHECK(std::abs(counts[static_cast<size_t>(place)] - 529) < 110);
  CHECK(drawn.size() > 600);  // of 680
  CHECK(setup.batch({}, 20, 3, 5).positions == setup.batch({}, 20, 3, 5).positions);
}

TEST_CASE("masks: a tokenizer without a mask token below vocab_size is refused") {
  const Setup setup;
  CHECK(test::contains(test::message_of([&] { Masker(*setup.tokenizer, 4, {}, 1); }),
                       "mask token has id 4; the model's vocab_size is 4"));
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
