#include "data/tokenizer/added_tokens.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "data/tokenizer/unicode.h"

namespace soragrad::data {

std::vector<AddedToken> raw_tokens(const std::vector<AddedToken>& tokens) {
  std::vector<AddedToken> selected;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(selected),
               [](const AddedToken& token) { return !token.normalized; });
  return selected;
}

std::vector<AddedToken> normalized_tokens(
    const std::vector<AddedToken>& tokens,
    const std::function<void(std::string_view text, std::string& normalized)>& normalize) {
  std::vector<AddedToken> selected;
  for (const AddedToken& token : tokens) {
    if (!token.normalized) continue;
    AddedToken& added = selected.emplace_back(token);
    added.text.clear();
    normalize(token.text, added.text);
  }
  return selected;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  const auto first_byte = [](const AddedToken& token) {
    return static_cast<uint8_t>(token.text[0]);
  };
  std::erase_if(tokens_, [](const AddedToken& token) { return token.text.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(), [&](const AddedToken& a, const AddedToken& b) {
    if (first_byte(a) != first_byte(b)) return first_byte(a) < first_byte(b);
    return a.text.size() > b.text.size();
  });
  for (const AddedToken& token : tokens_) ++first_[first_byte(token) + 1u];
  for (size_t byte = 0; byte < 256; ++byte) first_[byte + 1] += first_[byte];
  if (!tokens_.empty() && first_byte(tokens_.front()) == first_byte(tokens_.back())) {
    only_first_byte_ = first_byte(tokens_.front());
  }
}

// If all tokens begin with the same byte ('[' or '<'), memchr skips to it. Candidates at a position
// are tried from the longest on. White space at the sides is added to the match afterwards, but
// never before `from`.
bool AddedTokens::find(std::string_view text, size_t from, Match& match) const {
  if (tokens_.empty()) return false;
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (only_first_byte_ >= 0) {
      const void* found = std::memchr(text.data() + begin, only_first_byte_, text.size() - begin);
      if (found == nullptr) return false;
      begin = static_cast<size_t>(static_cast<const char*>(found) - text.data());
    }
    const auto byte = static_cast<uint8_t>(text[begin]);
    for (size_t i = first_[byte]; i < first_[byte + 1u]; ++i) {
      const AddedToken& token = tokens_[i];
      if (text.compare(begin, token.text.size(), token.text) != 0) continue;
      match = {begin, begin + token.text.size(), token.id};
      if (token.lstrip) {
        while (match.begin > from) {
          size_t start = match.begin - 1;
          while (start > from && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
          size_t position = start;
          if (!is_white_space(next_char(text, position))) break;
          match.begin = start;
        }
      }
      while (token.rstrip && match.end < text.size()) {
        size_t position = match.end;
        if (!is_white_space(next_char(text, position))) break;
        match.end = position;
      }
      return true;
    }
  }
  return false;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
