// Grapheme clusters by the rules GB3 to GB13 of Unicode Annex 29: a walk over the characters that
// remembers the class of the previous one, the parity of regional indicators, and how far an emoji
// sequence (GB11) or an Indic conjunct (GB9c) has come. ICU knows the classes; what Unicode 16
// changed or added is listed below, so that an older ICU finds the same clusters.
#include "data/tokenizer/grapheme.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "data/tokenizer/unicode.h"

namespace soragrad::data {
namespace {

// Characters [first, last] whose class is `value` in Unicode 16.
struct Change {
  char32_t first;
  char32_t last;
  UGraphemeClusterBreak value;
};

constexpr Change kUnicode16[] = {
    // sorted
    {0x0897, 0x0897, U_GCB_EXTEND},         {0x0CC0, 0x0CC0, U_GCB_EXTEND},
    {0x0CC7, 0x0CC8, U_GCB_EXTEND},         {0x0CCA, 0x0CCB, U_GCB_EXTEND},
    {0x1715, 0x1715, U_GCB_EXTEND},         {0x1734, 0x1734, U_GCB_EXTEND},
    {0x1B3B, 0x1B3B, U_GCB_EXTEND},         {0x1B3D, 0x1B3D, U_GCB_EXTEND},
    {0x1B43, 0x1B44, U_GCB_EXTEND},         {0x1BAA, 0x1BAA, U_GCB_EXTEND},
    {0x1BF2, 0x1BF3, U_GCB_EXTEND},         {0xA953, 0xA953, U_GCB_EXTEND},
    {0xA9C0, 0xA9C0, U_GCB_EXTEND},         {0x10D69, 0x10D6D, U_GCB_EXTEND},
    {0x10EFC, 0x10EFC, U_GCB_EXTEND},       {0x111C0, 0x111C0, U_GCB_EXTEND},
    {0x11235, 0x11235, U_GCB_EXTEND},       {0x1134D, 0x1134D, U_GCB_EXTEND},
    {0x113B8, 0x113B8, U_GCB_EXTEND},       {0x113B9, 0x113BA, U_GCB_SPACING_MARK},
    {0x113BB, 0x113C0, U_GCB_EXTEND},       {0x113C2, 0x113C2, U_GCB_EXTEND},
    {0x113C5, 0x113C5, U_GCB_EXTEND},       {0x113C7, 0x113C9, U_GCB_EXTEND},
    {0x113CA, 0x113CA, U_GCB_SPACING_MARK}, {0x113CC, 0x113CD, U_GCB_SPACING_MARK},
    {0x113CE, 0x113D0, U_GCB_EXTEND},       {0x113D1, 0x113D1, U_GCB_PREPEND},
    {0x113D2, 0x113D2, U_GCB_EXTEND},       {0x113E1, 0x113E2, U_GCB_EXTEND},
    {0x116B6, 0x116B6, U_GCB_EXTEND},       {0x1171E, 0x1171E, U_GCB_SPACING_MARK},
    {0x1193D, 0x1193D, U_GCB_EXTEND},       {0x11F41, 0x11F41, U_GCB_EXTEND},
    {0x11F5A, 0x11F5A, U_GCB_EXTEND},       {0x1611E, 0x16129, U_GCB_EXTEND},
    {0x1612A, 0x1612C, U_GCB_SPACING_MARK}, {0x1612D, 0x1612F, U_GCB_EXTEND},
    {0x16FF0, 0x16FF1, U_GCB_EXTEND},       {0x1D166, 0x1D166, U_GCB_EXTEND},
    {0x1D16D, 0x1D16D, U_GCB_EXTEND},       {0x1E5EE, 0x1E5EF, U_GCB_EXTEND},
};

// Grapheme_Cluster_Break in Unicode 16.
int break_class(char32_t c) {
  if (c >= kUnicode16[0].first) {
    const Change* change =
        std::lower_bound(std::begin(kUnicode16), std::end(kUnicode16), c,
                         [](const Change& row, char32_t value) { return row.last < value; });
    if (change != std::end(kUnicode16) && change->first <= c) return change->value;
  }
  return u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_GRAPHEME_CLUSTER_BREAK);
}

// Indic_Conjunct_Break=Linker: the viramas of the six scripts of rule GB9c.
bool is_linker(char32_t c) {
  return c == 0x094D || c == 0x09CD || c == 0x0ACD || c == 0x0B4D || c == 0x0C4D || c == 0x0D4D;
}

// Indic_Conjunct_Break=Consonant: the consonants of the same six scripts.
bool is_conjunct_consonant(char32_t c) {
  if (c < 0x0915 || c > 0x0D3A) return false;
  const auto code = static_cast<UChar32>(c);
  if (u_getIntPropertyValue(code, UCHAR_INDIC_SYLLABIC_CATEGORY) != U_INSC_CONSONANT) return false;
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(code, &status);
  return script == USCRIPT_DEVANAGARI || script == USCRIPT_BENGALI || script == USCRIPT_GUJARATI ||
         script == USCRIPT_ORIYA || script == USCRIPT_TELUGU || script == USCRIPT_MALAYALAM;
}

// GB4 and GB5: controls and line ends are clusters of their own.
bool is_break_control(int value) {
  return value == U_GCB_CONTROL || value == U_GCB_CR || value == U_GCB_LF;
}

// GB6, GB7, GB8: Hangul syllables.
bool joins_hangul(int left, int right) {
  if (left == U_GCB_L) {
    return right == U_GCB_L || right == U_GCB_V || right == U_GCB_LV || right == U_GCB_LVT;
  }
  if (left == U_GCB_LV || left == U_GCB_V) return right == U_GCB_V || right == U_GCB_T;
  return (left == U_GCB_LVT || left == U_GCB_T) && right == U_GCB_T;
}

}  // namespace

size_t grapheme_end(std::string_view text, size_t begin) {
  size_t end = begin;
  char32_t c = next_char(text, end);
  int left = break_class(c);
  int flags = 1;                  // regional indicators in a row (GB12, GB13)
  bool pictographic = false;      // GB11: the text so far ends with ExtPict Extend*
  bool pictographic_zwj = false;  // GB11: it ends with ExtPict Extend* ZWJ
  bool consonant = false;         // GB9c: it ends with Consonant [Extend Linker]*
  bool linked = false;            // GB9c: and contains a Linker there
  while (true) {
    if (u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_EXTENDED_PICTOGRAPHIC)) {
      pictographic = true;
      pictographic_zwj = false;
    } else {
      pictographic_zwj = pictographic && left == U_GCB_ZWJ;
      pictographic = pictographic && left == U_GCB_EXTEND;
    }
    if (is_conjunct_consonant(c)) {
      consonant = true;
      linked = false;
    } else if (is_linker(c)) {
      linked = consonant;
    } else if ((left != U_GCB_EXTEND && left != U_GCB_ZWJ) || c == 0x200C) {
      consonant = linked = false;
    }
    if (end >= text.size()) return end;

    size_t next = end;
    c = next_char(text, next);
    const int right = break_class(c);
    bool joined = false;
    if (left == U_GCB_CR && right == U_GCB_LF) {
      joined = true;
    } else if (is_break_control(left) || is_break_control(right)) {
      joined = false;
    } else {
      joined =
          joins_hangul(left, right) || right == U_GCB_EXTEND || right == U_GCB_ZWJ ||
          right == U_GCB_SPACING_MARK || left == U_GCB_PREPEND ||
          (linked && is_conjunct_consonant(c)) ||
          (pictographic_zwj &&
           u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_EXTENDED_PICTOGRAPHIC)) ||
          (left == U_GCB_REGIONAL_INDICATOR && right == U_GCB_REGIONAL_INDICATOR && flags % 2 == 1);
    }
    if (!joined) return end;
    flags = right == U_GCB_REGIONAL_INDICATOR && left == U_GCB_REGIONAL_INDICATOR ? flags + 1 : 1;
    left = right;
    end = next;
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
