// Added tokens: strings such as [SEP] or <mask> that are cut out of the text before it is
// normalized and segmented. Source: tokenizers/src/tokenizer/added_vocabulary.rs.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data {

struct AddedToken {
  std::string text;
  int32_t id = 0;
  bool lstrip = false;      // its match includes the white space before it
  bool rstrip = false;      // its match includes the white space after it
  bool normalized = false;  // true: searched in normalized text; false: in raw text
};

// The tokens that are searched in raw text.
std::vector<AddedToken> raw_tokens(const std::vector<AddedToken>& tokens);
// Those that are searched in normalized text. Their own text is normalized as well, so that an
// uncased model finds the token "COVID" in "Covid".
std::vector<AddedToken> normalized_tokens(
    const std::vector<AddedToken>& tokens,
    const std::function<void(std::string_view text, std::string& normalized)>& normalize);

// A set of tokens that is searched in one pass: the leftmost match wins, then the longest. Tokens
// without text are ignored.
class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }

  // Cuts valid UTF-8 into added tokens and the stretches between them, from left to right. Calls
  // on_token(id) for a token and on_text(string_view) for a stretch, which is never empty.
  template <typename OnText, typename OnToken>
  void split(std::string_view text, OnText&& on_text, OnToken&& on_token) const {
    size_t begin = 0;
    for (Match match; find(text, begin, match); begin = match.end) {
      if (match.begin > begin) on_text(text.substr(begin, match.begin - begin));
      on_token(match.id);
    }
    if (begin < text.size()) on_text(text.substr(begin));
  }

 private:
  struct Match {
    size_t begin, end;
    int32_t id;
  };
  // The first match at or after text[from]; false if there is none.
  bool find(std::string_view text, size_t from, Match& match) const;

  std::vector<AddedToken> tokens_;     // sorted by first byte, then longest first
  std::array<uint32_t, 257> first_{};  // tokens that begin with byte b: [first_[b], first_[b + 1])
  int only_first_byte_ = -1;           // the byte that all tokens begin with; -1: they differ
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
