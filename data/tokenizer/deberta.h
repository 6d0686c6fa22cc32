// DeBERTaV3's two tokenizers over one SentencePiece model. They differ in normalization, in which
// pieces text can match, in where scores are summed, and in what an unknown character becomes.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "data/tokenizer/added_tokens.h"
#include "data/tokenizer/charsmap.h"
#include "data/tokenizer/double_array.h"
#include "data/tokenizer/sentencepiece_model.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::data {

// DebertaV2Tokenizer: SentencePiece itself on each stretch between special tokens. One best
// segmentation of the whole stretch; an unknown character becomes its UTF-8 bytes.
class DebertaSlowTokenizer : public Tokenizer {
 public:
  // Takes the model read from spm.model; `tokens` are looked for in raw text, whatever their
  // `normalized`. Fails, naming `path`, where byte fallback lacks a byte's piece.
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
  DoubleArray pieces_;        // what text can match
  DoubleArray user_defined_;  // pieces that normalization leaves alone
  bool has_user_defined_ = false;
  std::vector<double> scores_;  // by id
  float unknown_score_ = 0;
  int32_t unk_id_ = 0;
  bool byte_fallback_ = false;
  std::array<int32_t, 256> byte_ids_{};
  bool add_dummy_prefix_, remove_extra_whitespaces_, escape_whitespaces_;
};

// What the fast tokenizer is made of, from spm.model or tokenizer.json.
struct UnigramSpec {
  std::vector<std::string> pieces;  // the id is the index
  std::vector<double> scores;
  int32_t unk_id = 0;
  bool byte_fallback = false;
  std::string charsmap;
};

// The fast tokenizer's parts of an spm.model, as transformers' SpmConverter makes them.
UnigramSpec unigram_spec(const SentencePieceModel& model);

// DebertaV2TokenizerFast: Strip, charsmap by grapheme cluster, runs of spaces to one, words that
// begin with U+2581, one best segmentation a word; a run of unknown characters is one [UNK].
class DebertaFastTokenizer : public Tokenizer {
 public:
  DebertaFastTokenizer(UnigramSpec spec, const std::vector<AddedToken>& tokens,
                       SpecialTokens special, int vocab_size, const std::string& path);

 protected:
  void append_ids(std::string_view text, Scratch& scratch,
                  std::vector<int32_t>& ids) const override;

 private:
  void normalize(std::string_view text, std::string& out) const;
  void append_stretch(std::string_view text, Scratch& scratch, std::vector<int32_t>& ids) const;
  void append_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;

  AddedTokens raw_tokens_;
  AddedTokens normalized_tokens_;
  Charsmap charsmap_;
  DoubleArray pieces_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  int32_t unk_id_ = 0;
  bool byte_fallback_ = false;  // only where all 256 byte pieces exist
  std::array<int32_t, 256> byte_ids_{};
};

}  // namespace soragrad::data
