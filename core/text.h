// Text: UTF-8, and foreign text made fit for one line that people read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace soragrad {

constexpr char32_t kReplacementChar = 0xFFFD;

// The character at text[position]; position moves past it. A maximal invalid part of the bytes is
// consumed as one U+FFFD (WHATWG's decoder; Python's errors="replace").
char32_t next_char(std::string_view text, size_t& position);

void append_utf8(std::string& out, char32_t c);

// `text` itself if it is valid UTF-8; otherwise `storage`, filled with `text` whose maximal invalid
// parts are U+FFFD.
std::string_view repair_utf8(std::string_view text, std::string& storage);

// The number of maximal invalid parts of UTF-8.
int64_t invalid_parts(std::string_view text);

// The text with a to z for A to Z; all other bytes stay as they are.
std::string ascii_lower(std::string_view text);

// The text without spaces, tabs and line ends at either end.
std::string_view trimmed(std::string_view text);

constexpr size_t kShownCharacters = 120;

// Foreign text (a path, a key, a token, a cell) on one line. Control characters, line separators,
// marks that reverse the direction of writing and invalid UTF-8 become '?'. A text of more than
// `most` characters loses its middle: "begin...end", `most` characters in all; `most` is at
// least 8.
std::string shown(std::string_view text, size_t most = kShownCharacters);

// The same between double quotes.
std::string quote(std::string_view text, size_t most = kShownCharacters);

// The longest message of this program, without the name of the program before it.
constexpr size_t kMessageBytes = 480;

// A message on one line of at most `most` bytes: control characters become blanks, invalid UTF-8
// '?', and a longer line loses a part before its last quarter, which says what to do.
std::string bounded_line(std::string_view message, size_t most = kMessageBytes);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
