// What a tokenizer hands to the collator: the ids of one example, special tokens included, and
// where its second sentence begins. It stands alone so that neither side needs the other.
#pragma once

#include <cstdint>
#include <vector>

namespace soragrad::data {

struct Encoded {
  std::vector<int32_t> ids;
  int32_t second_begin = -1;  // index of the first token of segment 1; -1: a single sentence
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
