// A table of words, as text, Markdown, CSV or HTML: the one way in which results are printed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::train {

struct TextTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // as long as the header
};

constexpr size_t kScreen = 80;  // columns of a terminal

// Columns two spaces apart: the first `left` flush left, the others flush right. Columns beyond
// `width` follow in further blocks, each of which begins with the first column.
std::string to_text(const TextTable& table, size_t left = 1, size_t width = SIZE_MAX);
std::string to_markdown(const TextTable& table);
// Fields with commas, quotes or line ends are quoted (RFC 4180).
std::string to_csv(const TextTable& table);
// A <table> element with escaped words.
std::string to_html(const TextTable& table, size_t left = 1);

// "1,327,104"
std::string grouped(int64_t value);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
