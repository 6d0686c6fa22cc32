// BERT's tokenizer (transformers' BertTokenizerFast): the text is cleaned and put in lower case,
// punctuation marks become words of their own, and each word is cut into the longest pieces from
// the left. Source: tokenizers 0.20.3, normalizers/bert.rs, pre_tokenizers/bert.rs,
// models/wordpiece/mod.rs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/added_tokens.h"
#include "data/tokenizer/byte_level_bpe.h"
#include "data/tokenizer/double_array.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::data {

// What the tokenizer is built from: vocab.txt with tokenizer_config.json, or tokenizer.json.
struct WordPieceSpec {
  Vocab vocab;
  std::string prefix = "##";    // marks pieces that do not begin a word
  size_t max_word_chars = 100;  // a longer word becomes [UNK]
  bool clean_text = true;       // drop control characters; white space becomes a space
  bool chinese_apart = true;    // Chinese characters become words of their own
  bool strip_accents = true;    // decompose (NFD) and drop combining marks
  bool lower_case = true;
};

class WordPieceTokenizer : public Tokenizer {
 public:
  WordPieceTokenizer(const WordPieceSpec& spec, const std::vector<AddedToken>& tokens,
                     SpecialTokens special, int vocab_size);

  // Calls visit(word) for each word of the text as BERT cuts it, cleaned and lower-cased, before it
  // is cut into pieces.
  void for_each_word(std::string_view text,
                     const std::function<void(std::string_view word)>& visit) const;

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
  DoubleArray::Node inside_;  // the trie's node after the prefix: where inner pieces begin
  bool has_inside_ = false;   // false: no piece begins with the prefix
  size_t max_word_chars_;
  bool clean_text_, chinese_apart_, strip_accents_, lower_case_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
