#include "data/table/fasttext.h"

#include <algorithm>
#include <utility>

#include "data/table/lines.h"

namespace soragrad::data {
namespace {

constexpr std::string_view kLabelPrefix = "__label__";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view without_blanks_before(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// Takes the labels off the line's start.
std::vector<Cell> take_labels(std::string_view& line) {
  std::vector<Cell> labels;
  line = without_blanks_before(line);
  while (line.starts_with(kLabelPrefix)) {
    const auto end = std::find_if(line.begin(), line.end(), is_blank);
    const std::string_view word = line.substr(0, static_cast<size_t>(end - line.begin()));
    if (word.size() > kLabelPrefix.size()) {
      labels.emplace_back(Cell::Kind::text, word.substr(kLabelPrefix.size()));
    }
    line = without_blanks_before(line.substr(word.size()));
  }
  return labels;
}

}  // namespace

FastTextTable::FastTextTable(const std::string& path, std::string bytes)
    : Table(path, std::move(bytes)) {
  count_invalid_utf8();
  set_columns({"label", "text"}, path_);
}

std::vector<Column> FastTextTable::read_columns(std::span<const size_t> wanted) {
  std::vector<Cell> labels, texts;
  bool any_list = false;
  for (TextLines lines(text()); lines.next();) {
    std::string_view line = repaired(lines.line());
    const std::vector<Cell> names = take_labels(line);
    any_list = any_list || names.size() > 1;
    labels.push_back(names.empty()       ? Cell()
                     : names.size() == 1 ? names[0]
                                         : Cell(arena_.copy(std::span<const Cell>(names))));
    texts.emplace_back(Cell::Kind::text, line);
    lines_.push_back(static_cast<uint32_t>(lines.number()));
    ++rows_;
  }
  for (Cell& label : labels) {
    if (any_list && label.kind() == Cell::Kind::text) {
      label = Cell(arena_.copy(std::span<const Cell>(&label, 1)));
    }
  }
  std::vector<Column> result;
  for (const size_t column : wanted) result.push_back({column == 0 ? labels : texts, {}});
  return result;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
