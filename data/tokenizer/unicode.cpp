// Character properties come from ICU. u_charAge excludes characters that later Unicode versions
// added, so that no answer depends on the version of the installed ICU.
#include "data/tokenizer/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace soragrad::data {
namespace {

// True if the character existed in this major version of Unicode.
bool assigned_in(char32_t c, int unicode_major) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] != 0 && age[0] <= unicode_major;
}

// The general category as a bit of ICU's U_GC_*_MASK.
uint32_t category_mask(char32_t c) {
  return U_MASK(u_charType(static_cast<UChar32>(c)));
}

constexpr int kBertUnicode = 8;
constexpr int kNormalizationUnicode = 9;  // of decompose() and compose()

// The canonical combining class in that version; 0 for all later characters.
int combining_class(char32_t c) {
  return c < 0x300 || !assigned_in(c, kNormalizationUnicode)
             ? 0
             : u_getCombiningClass(static_cast<UChar32>(c));
}

}  // namespace

bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::string_view strip_white_space(std::string_view text) {
  size_t begin = 0;
  for (size_t position = 0; position < text.size(); begin = position) {
    if (!is_white_space(next_char(text, position))) break;
  }
  size_t end = text.size();
  while (end > begin) {
    size_t start = end - 1;
    while (start > begin && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
    size_t position = start;
    if (!is_white_space(next_char(text, position))) break;
    end = start;
  }
  return text.substr(begin, end - begin);
}

std::string_view strip_white_space_right(std::string_view text) {
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    if (!is_white_space(next_char(text, at))) end = at;
  }
  return text.substr(0, end);
}

TextClass text_class(char32_t c) {
  constexpr int kOnigurumaUnicode = 14;
  if (is_white_space(c)) return TextClass::space;
  const uint32_t mask = category_mask(c);
  if ((mask & (U_GC_L_MASK | U_GC_N_MASK)) == 0) return TextClass::other;
  if (c >= 0x80 && !assigned_in(c, kOnigurumaUnicode)) return TextClass::other;
  return (mask & U_GC_L_MASK) != 0 ? TextClass::letter : TextClass::number;
}

bool is_bert_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return (category_mask(c) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0 &&
         assigned_in(c, kBertUnicode);
}

bool is_bert_punctuation(char32_t c) {
  if (c < 0x80) return c > ' ' && c < 0x7F && !u_isalnum(static_cast<UChar32>(c));
  if (c == 0x166D || c == 0x111C9) return true;  // Po until Unicode 11 and 12
  return (category_mask(c) & U_GC_P_MASK) != 0 && assigned_in(c, kBertUnicode);
}

bool is_bert_accent(char32_t c) {
  if (c < 0x300) return false;
  if (c == 0x1734) return true;                                                 // Mn until 14
  if (c == 0x1885 || c == 0x1886 || c == 0xA9BD || c == 0x111C9) return false;  // Mn since 9, 12
  return (category_mask(c) & U_GC_MN_MASK) != 0 && assigned_in(c, kBertUnicode);
}

bool is_bert_chinese(char32_t c) {
  // The gap from U+2B820 on is the reference's own slip and is kept.
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

// A character that is newer than the reference's tables neither moves nor composes there, so it
// parts the text, and ICU sees only what lies between.
void compose(std::string& text) {
  if (std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; })) return;
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  std::string composed;
  icu::StringByteSink<std::string> sink(&composed, static_cast<int32_t>(text.size()));
  const auto append = [&](std::string_view part) {
    if (U_FAILURE(status) || part.empty()) return;
    nfc->normalizeUTF8(0, icu::StringPiece(part.data(), static_cast<int32_t>(part.size())), sink,
                       nullptr, status);
  };
  const std::string_view all = text;
  size_t begin = 0;  // of the part at hand
  for (size_t at = 0; at < all.size();) {
    const size_t start = at;
    const char32_t c = next_char(all, at);
    if (c < 0x80 || assigned_in(c, kNormalizationUnicode)) continue;
    append(all.substr(begin, start - begin));
    composed += all.substr(start, at - start);
    begin = at;
  }
  append(all.substr(begin));
  require(U_SUCCESS(status) != 0, "[tokenizer] ICU cannot compose a text: {}.",
          u_errorName(status));
  text = std::move(composed);
}

void decompose(std::u32string& text) {
  if (std::none_of(text.begin(), text.end(), [](char32_t c) { return c >= 0xC0; })) return;
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2* nfd = unorm2_getNFDInstance(&status);
  require(U_SUCCESS(status) != 0, "[tokenizer] ICU has no normalization data: {}.",
          u_errorName(status));
  std::u32string out;
  out.reserve(text.size() + 16);
  for (const char32_t c : text) {
    UChar units[32];  // the longest canonical decomposition takes 4 code units
    const int32_t length =
        c < 0xC0 || !assigned_in(c, kNormalizationUnicode)
            ? -1
            : unorm2_getDecomposition(nfd, static_cast<UChar32>(c), units, 32, &status);
    if (length < 0) {
      out.push_back(c);
      continue;
    }
    for (int32_t i = 0; i < length;) {
      UChar32 part;
      U16_NEXT(units, i, length, part);
      out.push_back(static_cast<char32_t>(part));
    }
  }
  // Canonical order: a stable sort of every run of combining marks by its class.
  for (size_t begin = 0; begin < out.size();) {
    if (combining_class(out[begin]) == 0) {
      ++begin;
      continue;
    }
    size_t end = begin + 1;
    while (end < out.size() && combining_class(out[end]) != 0) ++end;
    std::stable_sort(
        out.begin() + static_cast<ptrdiff_t>(begin), out.begin() + static_cast<ptrdiff_t>(end),
        [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
  text.swap(out);
}

void append_lower(std::u32string& out, char32_t c) {
  constexpr int kLowerUnicode = 15;
  if (c == 0x130) {
    out.append({U'i', 0x307});
  } else if (c < 0x80) {
    out.push_back(c >= 'A' && c <= 'Z' ? c + 32 : c);
  } else {
    out.push_back(assigned_in(c, kLowerUnicode)
                      ? static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)))
                      : c);
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
