// BERT's tokenizer: clean-up, lower case, punctuation apart, then the longest pieces from the left
// (BertTokenizerFast). Source: tokenizers 0.20.3, normalizers/bert.rs, pre_tokenizers/bert.rs,
// models/wordpiece/mod.rs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/added_tokens.h"
#include "data/tokenizer/byte_level_bpe.h"
#include "data/tokenizer/double_array.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::data {

struct WordPieceSpec {
  Vocab vocab;
  std::string prefix = "##";    // of pieces inside a word
  size_t max_word_chars = 100;  // longer words are [UNK]
  bool clean_text = true;
  bool chinese_apart = true;
  bool strip_accents = true;
  bool lower_case = true;
};

class WordPieceTokenizer : public Tokenizer {
 public:
  WordPieceTokenizer(const WordPieceSpec& spec, const std::vector<AddedToken>& tokens,
                     SpecialTokens special, int vocab_size);

 protected:
  void append_ids(std::string_view text, Scratch& scratch,
                  std::vector<int32_t>& ids) const override;

 private:
  void normalize(std::string_view text, Scratch& scratch) const;
  void append_stretch(std::string_view text, std::vector<int32_t>& ids) const;
  void append_word(std::string_view word, std::vector<int32_t>& ids) const;

  AddedTokens raw_tokens_;
  AddedTokens normalized_tokens_;
  DoubleArray pieces_;
  DoubleArray::Node inside_;  // where pieces that begin with the prefix begin
  bool has_inside_ = false;
  size_t max_word_chars_;
  bool clean_text_, chinese_apart_, strip_accents_, lower_case_;
};

}  // namespace soragrad::data
