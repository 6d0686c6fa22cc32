// Ragged batches: the tokens of all rows one after another and the offsets where each begins.
// Nothing is padded, so a batch costs what its real tokens cost.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/encoded.h"
#include "data/glue_file.h"

namespace soragrad::data {

struct Batch {
  std::vector<int64_t> input_ids;       // (tokens)
  std::vector<int64_t> token_type_ids;  // (tokens): 1 in the second sentence, for any model; one
                                        // with a single type (RoBERTa) leaves them unread
  std::vector<int64_t> offsets;         // (sequences + 1): first token of each row, then tokens
  std::vector<int64_t> labels;          // (sequences); -1 without labels and for regression
  std::vector<float> scores;            // (sequences): as the loss takes them
  std::vector<float> weights;           // (sequences): in a weighted loss
  std::vector<std::vector<int32_t>> classes;  // (sequences): of own data with several labels
  std::vector<int64_t> rows;                  // (sequences): which rows of the data set these are

  int64_t sequences() const { return static_cast<int64_t>(rows.size()); }
  int64_t tokens() const { return static_cast<int64_t>(input_ids.size()); }
  int64_t max_length() const;  // tokens of the longest row
};

// The rows of a data set, in this order. encoded[i] belongs to examples[i].
Batch collate(std::span<const Encoded> encoded, std::span<const Example> examples,
              std::span<const int64_t> rows);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
