// The rows of a split with their token ids: everything is tokenized once, before the first step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/encoded.h"
#include "data/split.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::train {

struct Rows {
  std::string name;  // train, validation, validation_mm, ...
  data::Dataset dataset;
  std::vector<data::Encoded> encoded;  // (rows)

  int64_t size() const { return dataset.size(); }
};

// Tokenizes on all threads; a row keeps at most max_length tokens. Throws where an id does not fit
// a model of vocab_size embeddings.
Rows encode_rows(const data::Tokenizer& tokenizer, data::NamedDataset rows, int64_t max_length,
                 int64_t vocab_size);

// One line about rows that were left out of a file, or nothing.
std::string dropped_text(const data::Dataset& dataset);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
