// Added tokens: strings such as [SEP] or <mask> that are cut out of the text before anything else
// looks at it. Source: tokenizers/src/tokenizer/added_vocabulary.rs.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data {

struct AddedToken {
  std::string text;
  int32_t id = 0;
  bool lstrip = false;      // also takes the white space before it
  bool rstrip = false;      // and after it
  bool normalized = false;  // is looked for in normalized text instead of raw text
};

// Those of the tokens that are looked for in normalized text, or the others.
std::vector<AddedToken> select_tokens(const std::vector<AddedToken>& tokens, bool normalized);

// A set of tokens that are looked for at once: the leftmost match wins, then the longest.
class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }

  // Cuts text into stretches without tokens, on_text(string_view), never empty, and tokens,
  // on_token(id), in their order.
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
  bool find(std::string_view text, size_t from, Match& match) const;

  std::vector<AddedToken> tokens_;     // by first byte, then longest first
  std::array<uint32_t, 257> first_{};  // tokens that begin with byte b: [first_[b], first_[b + 1])
  int only_first_byte_ = -1;           // where all tokens share it
};

}  // namespace soragrad::data
