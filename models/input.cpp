#include "models/input.h"

#include <algorithm>

#include "core/error.h"

namespace soragrad::models {

int64_t longest_sequence(const RaggedBatch& batch) {
  const int64_t tokens = batch.tokens();
  const auto& offsets = batch.offsets;
  require(offsets.size() > 1 && offsets.front() == 0 && offsets.back() == tokens,
          "[input] {} offsets do not delimit {} tokens; they begin at 0 and end at {}.",
          offsets.size(), tokens, tokens);
  require(batch.token_type_ids.empty() || batch.token_type_ids.size() == batch.input_ids.size(),
          "[input] {} token types for {} tokens.", batch.token_type_ids.size(), tokens);
  int64_t longest = 0;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const int64_t length = offsets[s + 1] - offsets[s];
    require(length > 0, "[input] sequence {} has {} tokens; at least 1 is needed.", s, length);
    longest = std::max(longest, length);
  }
  return longest;
}

Input upload(const RaggedBatch& batch, const Positions& positions, Device device) {
  return upload(batch, positions, [device](const auto& values) {
    return Tensor::from(values, {static_cast<int64_t>(values.size())}, device);
  });
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
