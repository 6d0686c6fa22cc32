#include "core/text.h"

#include <algorithm>
#include <cstring>

namespace soragrad {
namespace {

constexpr std::string_view kCut = "...";
constexpr std::string_view kEncodedReplacement = "\xEF\xBF\xBD";

// Position of the first byte from `begin` on that is not ASCII; looks at eight bytes a step.
size_t skip_ascii(std::string_view text, size_t begin) {
  while (begin + 8 <= text.size()) {
    uint64_t word;
    std::memcpy(&word, text.data() + begin, 8);
    if ((word & 0x8080808080808080u) != 0) break;
    begin += 8;
  }
  while (begin < text.size() && static_cast<uint8_t>(text[begin]) < 0x80) ++begin;
  return begin;
}

// Whether a terminal would obey the character instead of printing it.
bool is_unprintable(char32_t c) {
  const bool is_control = c < 0x20 || (c >= 0x7F && c < 0xA0);
  const bool is_separator = c == 0x2028 || c == 0x2029;
  const bool is_direction = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return is_control || is_separator || is_direction || c == kReplacementChar;
}

std::string masked(std::string_view text) {
  std::string line;
  for (size_t position = 0; position < text.size();) {
    const char32_t c = next_char(text, position);
    append_utf8(line, is_unprintable(c) ? U'?' : c);
  }
  return line;
}

// The position after the first `characters` characters.
size_t skip_chars(std::string_view text, size_t characters) {
  size_t position = 0;
  for (; characters > 0 && position < text.size(); --characters) next_char(text, position);
  return position;
}

// Moves past a character; false for an invalid part. U+FFFD itself is valid.
bool skip_valid_char(std::string_view text, size_t& position) {
  const size_t begin = position;
  return next_char(text, position) != kReplacementChar ||
         text.substr(begin, position - begin) == kEncodedReplacement;
}

bool continues_char(char byte) {
  return (static_cast<uint8_t>(byte) & 0xC0) == 0x80;
}

}  // namespace

char32_t next_char(std::string_view text, size_t& position) {
  const auto lead = static_cast<uint8_t>(text[position++]);
  if (lead < 0x80) return lead;
  int rest = 0;
  uint8_t low = 0x80;  // the second byte's range excludes overlong forms and surrogates
  uint8_t high = 0xBF;
  char32_t c = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    rest = 1;
    c = lead & 0x1F;
  } else if ((lead & 0xF0) == 0xE0) {
    rest = 2;
    c = lead & 0x0F;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    rest = 3;
    c = lead & 0x07;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return kReplacementChar;
  }
  for (; rest > 0; --rest) {
    if (position >= text.size()) return kReplacementChar;
    const auto byte = static_cast<uint8_t>(text[position]);
    if (byte < low || byte > high) return kReplacementChar;
    c = c << 6 | (byte & 0x3F);
    ++position;
    low = 0x80;
    high = 0xBF;
  }
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

std::string_view repair_utf8(std::string_view text, std::string& storage) {
  size_t position = skip_ascii(text, 0);
  size_t copied = 0;  // text before it is in storage; 0 while nothing was invalid
  storage.clear();
  while (position < text.size()) {
    const size_t begin = position;
    if (!skip_valid_char(text, position)) {
      storage.append(text, copied, begin - copied).append(kEncodedReplacement);
      copied = position;
    }
    position = skip_ascii(text, position);
  }
  if (copied == 0) return text;
  storage.append(text, copied);
  return storage;
}

int64_t invalid_parts(std::string_view text) {
  int64_t count = 0;
  for (size_t at = skip_ascii(text, 0); at < text.size(); at = skip_ascii(text, at)) {
    count += !skip_valid_char(text, at);
  }
  return count;
}

std::string ascii_lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string shown(std::string_view text, size_t most) {
  size_t characters = 0;
  for (size_t position = 0; position < text.size(); ++characters) next_char(text, position);
  if (characters <= most) return masked(text);
  const size_t tail = most / 3, head = most - tail - kCut.size();
  const size_t begin = skip_chars(text, head), end = skip_chars(text, characters - tail);
  return masked(text.substr(0, begin)).append(kCut).append(masked(text.substr(end)));
}

std::string quote(std::string_view text, size_t most) {
  return '"' + shown(text, most) + '"';
}

std::string bounded_line(std::string_view message, size_t most) {
  std::string blank(trimmed(message));
  std::replace_if(
      blank.begin(), blank.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  std::string line = masked(blank);
  if (line.size() <= most) return line;
  size_t end = line.size() - most / 4;
  while (end < line.size() && continues_char(line[end])) ++end;
  size_t begin = most - kCut.size() - (line.size() - end);
  while (begin > 0 && continues_char(line[begin])) --begin;
  return line.substr(0, begin).append(kCut).append(line, end);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
