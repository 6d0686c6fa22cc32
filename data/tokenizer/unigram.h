// The Unigram model: the segmentation of a text into pieces that has the highest sum of scores
// (T. Kudo, "Subword Regularization", 2018). It is found by dynamic programming over byte positions
// (Viterbi): the best way to a position is the best, over all pieces that end there, of the best
// way to the piece's beginning plus the piece's score. The walk is EncodeOptimized of
// SentencePiece's unigram_model.cc, which Hugging Face's Rust follows. Time: bytes times the
// longest piece.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/tokenizer/double_array.h"
#include "data/tokenizer/scratch.h"

namespace soragrad::data {

constexpr double kUnknownPenalty = 10;  // an unknown character scores the worst piece minus this

// Bytes of the UTF-8 character that begins with this byte; 1 for a continuation byte.
inline int32_t char_bytes(char lead) {
  constexpr uint8_t kBytes[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
  return kBytes[static_cast<uint8_t>(lead) >> 4];
}

// Finds the best segmentation of `text`, which is valid UTF-8, and calls emit(begin, end, id) for
// its pieces from the last to the first. id is -1 for a character that no piece covers. `scores`
// holds a score per id. Of equal sums the piece found first wins, that is the one that begins
// first. Score is the type in which sums are stored: float reproduces the ties of SentencePiece,
// which adds in double and stores in float; double reproduces those of Hugging Face's Rust.
template <typename Score, typename Emit>
void best_segmentation(const DoubleArray& pieces, const std::vector<double>& scores,
                       Score unknown_score, std::string_view text,
                       std::vector<Scratch::Arrival<Score>>& arrivals, Emit&& emit) {
  const auto size = static_cast<int32_t>(text.size());
  arrivals.assign(text.size() + 1, {0, -1, -1});
  const auto arrive = [&](int32_t begin, int32_t end, int32_t id, auto score) {
    Scratch::Arrival<Score>& arrival = arrivals[static_cast<size_t>(end)];
    if (arrival.start == -1 || score > arrival.score) {
      arrival = {static_cast<Score>(score), begin, id};
    }
  };
  for (int32_t begin = 0; begin < size;) {
    const Score here = arrivals[static_cast<size_t>(begin)].score;
    const int32_t length = std::min(char_bytes(text[static_cast<size_t>(begin)]), size - begin);
    bool has_single_character = false;
    DoubleArray::Node node = pieces.root();
    for (int32_t end = begin; end < size;) {
      if (!pieces.step(node, static_cast<uint8_t>(text[static_cast<size_t>(end)]))) break;
      ++end;
      if (node.value < 0) continue;
      arrive(begin, end, node.value,
             static_cast<Score>(scores[static_cast<size_t>(node.value)] + here));
      if (end - begin == length) has_single_character = true;
    }
    if (!has_single_character) {
      arrive(begin, begin + length, -1, static_cast<Score>(unknown_score + here));
    }
    begin += length;
  }
  for (int32_t end = size; end > 0;) {
    const Scratch::Arrival<Score>& arrival = arrivals[static_cast<size_t>(end)];
    emit(arrival.start, end, arrival.id);
    end = arrival.start;
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
