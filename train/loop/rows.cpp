#include "train/loop/rows.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"

namespace soragrad::train {

Rows encode_rows(const data::Tokenizer& tokenizer, data::NamedDataset rows, int64_t max_length,
                 int64_t vocab_size) {
  Rows result{std::move(rows.name), std::move(rows.dataset), {}};
  const std::vector<data::Example>& examples = result.dataset.rows;
  const bool pair = result.dataset.task->has_pair();
  result.encoded.resize(examples.size());
  constexpr int64_t kGrain = 64;
  parallel_chunks(result.size(), kGrain, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      std::optional<std::string_view> second;
      if (pair) second = examples[i].text_b;
      result.encoded[i] =
          tokenizer.encode(examples[i].text_a, second, static_cast<int>(max_length));
    }
  });
  int32_t largest = 0;
  for (const data::Encoded& row : result.encoded) {
    for (const int32_t id : row.ids) largest = std::max(largest, id);
  }
  require(
      largest < vocab_size,
      "[data] {} gives token {} where the model has {} embeddings; tokenizer and weights do not "
      "belong together.",
      result.dataset.path, largest, vocab_size);
  return result;
}

std::string dropped_text(const data::Dataset& dataset) {
  if (dataset.dropped == 0) return {};
  return fmt::format("warning: {}: {} rows with missing columns or labels left out, {} kept",
                     dataset.path, dataset.dropped, dataset.size());
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
