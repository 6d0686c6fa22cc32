// DeBERTaV3's two tokenizers over one SentencePiece model. They give different ids for some texts,
// because they differ in normalization, in the pieces that text can match, in the unit that is
// segmented (a stretch or a word), and in what an unknown character becomes.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/added_tokens.h"
#include "data/tokenizer/charsmap.h"
#include "data/tokenizer/double_array.h"
#include "data/tokenizer/sentencepiece_model.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::data {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";  // U+2581, a blank within pieces

// transformers' DebertaV2Tokenizer: SentencePiece on each stretch between special tokens. The whole
// stretch gets one best segmentation. With byte fallback an unknown character becomes its UTF-8
// bytes, otherwise a run of them becomes one [UNK].
class DebertaSlowTokenizer : public Tokenizer {
 public:
  // `model` is what spm.model holds. All `tokens` are searched in raw text, whatever their
  // `normalized`. Throws, naming `path`, if byte fallback is on and a byte has no piece.
  DebertaSlowTokenizer(const SentencePieceModel& model, std::vector<AddedToken> tokens,
                       SpecialTokens special, int vocab_size, const std::string& path);

 protected:
  void append_ids(std::string_view text, Scratch& scratch,
                  std::vector<int32_t>& ids) const override;

 private:
  void normalize(std::string_view text, std::string& out) const;
  size_t normalize_next(std::string_view text, std::string_view& out) const;
  void append_stretch(std::string_view text, Scratch& scratch, std::vector<int32_t>& ids) const;

  AddedTokens tokens_;
  Charsmap charsmap_;
  DoubleArray pieces_;        // pieces that text can match: normal and user-defined ones
  DoubleArray user_defined_;  // pieces that normalization must not change
  bool has_user_defined_ = false;
  std::vector<double> scores_;  // indexed by id
  float unknown_score_ = 0;
  int32_t unk_id_ = 0;
  bool byte_fallback_ = false;
  std::array<int32_t, 256> byte_ids_{};
  bool add_dummy_prefix_, remove_extra_whitespaces_, escape_whitespaces_;
};

// What the fast tokenizer is built from: spm.model or tokenizer.json.
struct UnigramSpec {
  std::vector<std::string> pieces;  // the id is the index
  std::vector<double> scores;
  int32_t unk_id = 0;
  bool byte_fallback = false;
  std::string charsmap;
  // Normalization of transformers 5: white space collapsed, NFC, right end stripped. No charsmap.
  bool nfc = false;
};

// Converts an spm.model as transformers' SpmConverter does: every piece can be matched.
UnigramSpec unigram_spec(const SentencePieceModel& model);

// transformers' DebertaV2TokenizerFast. Normalization strips white space, applies the charsmap to
// grapheme clusters and collapses runs of spaces (what transformers 5 does instead: UnigramSpec).
// Words begin with U+2581; each word gets one best segmentation. A run of unknown characters
// becomes one [UNK].
class DebertaFastTokenizer : public Tokenizer {
 public:
  DebertaFastTokenizer(UnigramSpec spec, const std::vector<AddedToken>& tokens,
                       SpecialTokens special, int vocab_size, const std::string& path);

 protected:
  void append_ids(std::string_view text, Scratch& scratch,
                  std::vector<int32_t>& ids) const override;

 private:
  void normalize(std::string_view text, std::string& out) const;
  void normalize_nfc(std::string_view text, std::string& out) const;
  void normalize_by_charsmap(std::string_view text, std::string& out) const;
  void append_stretch(std::string_view text, Scratch& scratch, std::vector<int32_t>& ids) const;
  void append_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;

  AddedTokens raw_tokens_;
  AddedTokens normalized_tokens_;
  Charsmap charsmap_;
  DoubleArray pieces_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  int32_t unk_id_ = 0;
  bool nfc_ = false;
  bool byte_fallback_ = false;  // true only if all 256 byte pieces exist
  std::array<int32_t, 256> byte_ids_{};
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
