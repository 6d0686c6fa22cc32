#include "train/run/shell_word.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace soragrad::train {

std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain = "-_./=:,+@%";
  const bool plain = !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
    return std::isalnum(c) || kPlain.find(static_cast<char>(c)) != kPlain.npos;
  });
  if (plain) return text;
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
