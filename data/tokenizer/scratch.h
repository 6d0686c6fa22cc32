// Scratch: the buffers of one call of encode(). A tokenizer keeps those that are idle, so calls
// soon allocate nothing, and threads share none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/tokenizer/word_cache.h"

namespace soragrad::data {

struct Scratch {
  // unigram.h: the best segmentation of the text up to a byte position.
  template <typename Score>
  struct Arrival {
    Score score;    // sum of its pieces' scores
    int32_t start;  // where its last piece begins; -1: the position is not reached
    int32_t id;     // its last piece; -1: an unknown character
  };
  // byte_level_bpe.cpp: a candidate merge in the heap of a long word.
  struct Merge {
    uint32_t rank;
    uint32_t left;              // index of the left symbol
    int32_t left_id, right_id;  // the symbols' ids when it was pushed
  };
  // byte_level_bpe.cpp: a token of the word that is being merged.
  struct Symbol {
    int32_t id;
    int32_t previous, next;  // indices; -1 at the ends
    uint32_t rank;           // of the pair with the next symbol
  };

  std::string repaired;         // the text with invalid UTF-8 replaced
  std::string normalized;       // a normalized stretch
  std::string words;            // a stretch after pre-tokenization
  std::u32string chars;         // BERT: a stretch as code points
  std::u32string more_chars;    // BERT: the same in lower case
  std::vector<int32_t> second;  // ids of the second sentence of a pair
  std::vector<Arrival<float>> arrivals_float;
  std::vector<Arrival<double>> arrivals_double;
  std::vector<Symbol> symbols;
  std::vector<Merge> merges;
  WordCache cache;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
