// Dynamic masks of a masked language model: which tokens of a sequence are predicted, and what the
// model sees in their places (Devlin et al., "BERT", 2019, section 3.1; drawn anew at every step as
// in RoBERTa). A function of (seed, step, row) alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::data {

struct MaskRule {
  double mlm_probability = 0.15;  // share of a sequence's tokens that is predicted
  double mask_replace = 0.8;      // share of these that becomes the mask token
  double random_replace = 0.1;    // share that becomes another token; the rest stays
};

// Sequences with predicted positions, one after another without padding.
struct MaskedBatch {
  std::vector<int64_t> input_ids;  // (tokens)
  std::vector<int64_t> offsets;    // (sequences + 1)
  std::vector<int64_t> positions;  // (predicted), ascending
  std::vector<int64_t> labels;     // (predicted): the tokens' own ids
  std::vector<int64_t> replaced;   // (predicted), or empty: ids that stand in for samples

  int64_t tokens() const { return static_cast<int64_t>(input_ids.size()); }
  int64_t sequences() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t predicted() const { return static_cast<int64_t>(positions.size()); }
};

class Masker {
 public:
  // Ids below vocab_size stand in for random_replace, special tokens excepted. Throws where the
  // tokenizer has no mask token below vocab_size.
  Masker(const Tokenizer& tokenizer, int64_t vocab_size, const MaskRule& rule, uint64_t seed);

  // Appends a sequence to the batch: k = max(1, round(mlm_probability * tokens)) of its positions
  // are predicted, never special tokens, drawn without replacement; all where there are fewer.
  // `row` numbers the sequences of a step.
  void append(std::span<const int32_t> ids, uint32_t step, int64_t row, MaskedBatch& batch) const;

 private:
  bool is_special(int64_t id) const;

  std::vector<int64_t> special_;  // ascending, each once
  int64_t mask_id_, vocab_size_;
  MaskRule rule_;
  uint64_t seed_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
