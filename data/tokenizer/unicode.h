// Character properties that tokenizers ask for. The reference tokenizers carry tables of different
// Unicode versions, so each function below names the version that it follows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/text.h"

namespace soragrad::data {

bool is_white_space(char32_t c);  // White_Space, the same in every version since 6.3

// `text` without White_Space at its ends, or at its right end alone.
std::string_view strip_white_space(std::string_view text);
std::string_view strip_white_space_right(std::string_view text);

// The classes of GPT-2's pre-tokenizer expression: \s, \p{L}, \p{N} and the rest (Unicode 14,
// Oniguruma 6.9.8).
enum class TextClass : uint8_t { space, letter, number, other };
TextClass text_class(char32_t c);

// BERT's classes (Unicode 8, crate unicode_categories 0.1.1).
bool is_bert_control(char32_t c);      // Cc, Cf, Co but not tab, LF, CR
bool is_bert_punctuation(char32_t c);  // P*, and every ASCII symbol
bool is_bert_accent(char32_t c);       // Mn
bool is_bert_chinese(char32_t c);      // the blocks BERT sets apart by spaces

// Canonical decomposition (NFD) of the whole text, in place (Unicode 9).
void decompose(std::u32string& text);

// Canonical composition (NFC) of valid UTF-8, in place (Unicode 9).
void compose(std::string& text);

// Appends the lower case of c: one character, or "i" and U+0307 for U+0130 (Unicode 15).
void append_lower(std::u32string& out, char32_t c);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
