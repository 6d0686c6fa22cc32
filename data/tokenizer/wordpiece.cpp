#include "data/tokenizer/wordpiece.h"

#include <algorithm>

#include "data/tokenizer/scratch.h"
#include "data/tokenizer/unicode.h"

namespace soragrad::data {
namespace {

// How BERT's pre-tokenizer treats a character.
enum class BertClass : uint8_t { word, space, punctuation };

BertClass bert_class(char32_t c) {
  if (is_white_space(c)) return BertClass::space;
  return is_bert_punctuation(c) ? BertClass::punctuation : BertClass::word;
}

// BertPreTokenizer: cuts at white space, which is dropped, and around each punctuation mark.
template <typename Visit>
void cut_into_words(std::string_view text, const Visit& visit) {
  size_t begin = 0;  // of the word at hand
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    const BertClass found = bert_class(next_char(text, position));
    if (found == BertClass::word) continue;
    if (begin < start) visit(text.substr(begin, start - begin));
    if (found == BertClass::punctuation) visit(text.substr(start, position - start));
    begin = position;
  }
  if (begin < text.size()) visit(text.substr(begin));
}

}  // namespace

WordPieceTokenizer::WordPieceTokenizer(const WordPieceSpec& spec,
                                       const std::vector<AddedToken>& tokens, SpecialTokens special,
                                       int vocab_size)
    : Tokenizer(special, Truncation::fast, vocab_size),
      raw_tokens_(raw_tokens(tokens)),
      max_word_chars_(spec.max_word_chars),
      clean_text_(spec.clean_text),
      chinese_apart_(spec.chinese_apart),
      strip_accents_(spec.strip_accents),
      lower_case_(spec.lower_case) {
  std::vector<DoubleArray::Key> keys;
  for (const auto& [text, id] : spec.vocab) {
    if (!text.empty()) keys.push_back({text, id});
  }
  pieces_ = DoubleArray(std::move(keys));
  // Inner pieces are looked up from the node after the prefix, so "##" is never written out.
  inside_ = pieces_.root();
  has_inside_ = std::all_of(spec.prefix.begin(), spec.prefix.end(), [&](char byte) {
    return pieces_.step(inside_, static_cast<uint8_t>(byte));
  });
  Scratch scratch;
  normalized_tokens_ =
      AddedTokens(normalized_tokens(tokens, [&](std::string_view text, std::string& normalized) {
        normalize(text, scratch);
        normalized = scratch.normalized;
      }));
}

void WordPieceTokenizer::append_ids(std::string_view text, Scratch& scratch,
                                    std::vector<int32_t>& ids) const {
  const auto on_token = [&](int32_t id) { ids.push_back(id); };
  const auto on_stretch = [&](std::string_view part) { append_stretch(part, ids); };
  raw_tokens_.split(
      text,
      [&](std::string_view stretch) {
        normalize(stretch, scratch);
        normalized_tokens_.split(scratch.normalized, on_stretch, on_token);
      },
      on_token);
}

// BertNormalizer, from text to scratch.normalized. Pure ASCII, the usual case, needs no code
// points.
void WordPieceTokenizer::normalize(std::string_view text, Scratch& scratch) const {
  std::string& out = scratch.normalized;
  out.clear();
  const bool ascii =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  if (ascii) {
    for (const char byte : text) {
      char c = byte;
      if (clean_text_ && (c < ' ' || c == 0x7F)) {
        if (c != '\t' && c != '\n' && c != '\r') continue;
        c = ' ';
      }
      out.push_back(lower_case_ && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
    return;
  }
  std::u32string& chars = scratch.chars;
  chars.clear();
  for (size_t position = 0; position < text.size();) {
    char32_t c = next_char(text, position);
    if (clean_text_) {
      if (c == 0 || c == kReplacementChar || is_bert_control(c)) continue;
      if (is_white_space(c)) c = ' ';
    }
    if (chinese_apart_ && is_bert_chinese(c)) {
      chars.append({U' ', c, U' '});
    } else {
      chars.push_back(c);
    }
  }
  if (strip_accents_) {
    decompose(chars);
    std::erase_if(chars, is_bert_accent);
  }
  if (lower_case_) {
    scratch.more_chars.clear();
    for (const char32_t c : chars) append_lower(scratch.more_chars, c);
    chars.swap(scratch.more_chars);
  }
  for (const char32_t c : chars) append_utf8(out, c);
}

void WordPieceTokenizer::append_stretch(std::string_view text, std::vector<int32_t>& ids) const {
  cut_into_words(text, [&](std::string_view word) { append_word(word, ids); });
}

void WordPieceTokenizer::for_each_word(
    std::string_view text, const std::function<void(std::string_view word)>& visit) const {
  Scratch scratch;
  normalize(text, scratch);
  cut_into_words(scratch.normalized, visit);
}

// Greedy longest match from the left. If any part of the word matches no piece, the whole word is
// one [UNK].
void WordPieceTokenizer::append_word(std::string_view word, std::vector<int32_t>& ids) const {
  const auto is_char_begin = [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; };
  const size_t first = ids.size();
  // A word has at most as many characters as bytes, so counting is rarely needed.
  bool known = word.size() <= max_word_chars_ ||
               static_cast<size_t>(std::count_if(word.begin(), word.end(), is_char_begin)) <=
                   max_word_chars_;
  for (size_t begin = 0; known && begin < word.size();) {
    DoubleArray::Node node = begin == 0 ? pieces_.root() : inside_;
    known = begin == 0 || has_inside_;
    size_t longest = begin;
    int32_t id = -1;
    for (size_t end = begin; known && end < word.size(); ++end) {
      if (!pieces_.step(node, static_cast<uint8_t>(word[end]))) break;
      if (node.value >= 0) {
        longest = end + 1;
        id = node.value;
      }
    }
    known = known && id >= 0;
    if (known) ids.push_back(id);
    begin = longest;
  }
  if (!known) {
    ids.resize(first);
    ids.push_back(unk_id());
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
