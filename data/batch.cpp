#include "data/batch.h"

#include <algorithm>

#include "core/error.h"

namespace soragrad::data {

int64_t Batch::max_length() const {
  int64_t longest = 0;
  for (size_t i = 1; i < offsets.size(); ++i) {
    longest = std::max(longest, offsets[i] - offsets[i - 1]);
  }
  return longest;
}

Batch collate(std::span<const Encoded> encoded, std::span<const Example> examples,
              std::span<const int64_t> rows) {
  require(encoded.size() == examples.size(), "[collate] {} encoded rows do not fit {} examples.",
          encoded.size(), examples.size());
  const auto total = static_cast<int64_t>(examples.size());
  Batch batch;
  batch.rows.assign(rows.begin(), rows.end());
  batch.offsets.push_back(0);
  for (const int64_t row : rows) {
    require(row >= 0 && row < total, "[collate] row {} of a data set of {} rows.", row, total);
    const auto& [ids, second_begin] = encoded[row];
    const auto length = static_cast<int64_t>(ids.size());
    const int64_t second = second_begin < 0 ? length : std::min<int64_t>(second_begin, length);
    batch.input_ids.insert(batch.input_ids.end(), ids.begin(), ids.end());
    batch.token_type_ids.insert(batch.token_type_ids.end(), static_cast<size_t>(second), 0);
    batch.token_type_ids.insert(batch.token_type_ids.end(), static_cast<size_t>(length - second),
                                1);
    batch.offsets.push_back(batch.tokens());
    batch.labels.push_back(examples[row].label);
    batch.scores.push_back(static_cast<float>(examples[row].score));
    batch.weights.push_back(examples[row].weight);
    batch.classes.push_back(examples[row].classes);
  }
  return batch;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
