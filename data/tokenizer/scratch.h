// What one call of encode() works in. A tokenizer keeps idle ones, so that calls neither allocate
// nor share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/tokenizer/word_cache.h"

namespace soragrad::data {

struct Scratch {
  // Best way to a byte position: its score, where its last piece begins, that piece (-1 unknown).
  template <typename Score>
  struct Arrival {
    Score score;
    int32_t start;
    int32_t id;
  };
  // One merge candidate of byte-level BPE.
  struct Merge {
    uint32_t rank;
    uint32_t left;  // symbol index
    int32_t left_id, right_id;
  };
  struct Symbol {
    int32_t id;
    int32_t previous, next;  // -1 at the ends
    uint32_t rank;           // of the pair with the next symbol
  };

  std::string repaired;
  std::string normalized;
  std::string words;
  std::u32string chars;
  std::u32string more_chars;
  std::vector<int32_t> second;
  std::vector<Arrival<float>> arrivals_float;
  std::vector<Arrival<double>> arrivals_double;
  std::vector<Symbol> symbols;
  std::vector<Merge> merges;
  WordCache cache;
};

}  // namespace soragrad::data
