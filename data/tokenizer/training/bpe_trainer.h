// Byte-pair encoding: merges the most frequent pair of neighbouring symbols again and again
// (Sennrich et al., "Neural machine translation of rare words with subword units", 2016), as
// BpeTrainer of Hugging Face's tokenizers 0.20 does: equal counts by the smaller pair of ids.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace soragrad::data {

struct BpeWord {
  std::vector<int32_t> symbols;  // ids of tokens
  int64_t count = 0;
};

struct BpeVocabulary {
  std::vector<std::string> tokens;                  // the id is the index
  std::vector<std::pair<int32_t, int32_t>> merges;  // best first
};

constexpr int64_t kLeastPairs = 2;  // a pair that a corpus has once is no token

// Adds tokens to the vocabulary until it has vocab_size, or no pair occurs min_count times. The
// text of a merged token is that of its parts, without `prefix` in front of the second.
void train_bpe(std::vector<BpeWord> words, size_t vocab_size, int64_t min_count,
               const std::string& prefix, BpeVocabulary& vocabulary);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
