// The part of a SentencePiece model file (spm.model) that DeBERTaV3 needs: pieces with scores, and
// the normalizer's rules and switches. Source: sentencepiece/src/sentencepiece_model.proto, whose
// field names the members have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data {

struct SentencePieceModel {
  enum class Type : uint8_t {
    normal = 1,
    unknown = 2,
    control = 3,
    user_defined = 4,
    unused = 5,
    byte = 6,
  };
  struct Piece {
    std::string text;
    float score = 0;
    Type type = Type::normal;
  };

  std::vector<Piece> pieces;  // the id is the index
  int32_t unk_id = 0;         // the piece of type unknown
  bool byte_fallback = false;
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// Reads the bytes of a model file. Throws, naming `path` and the byte offset or the piece, if they
// are no such message, if the model is no Unigram model, or if a piece is empty, too long, doubled
// or has a score that is not finite.
SentencePieceModel parse_sentencepiece_model(std::string_view bytes, const std::string& path);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
