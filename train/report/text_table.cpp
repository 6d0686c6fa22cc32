#include "train/report/text_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "train/report/page.h"

namespace soragrad::train {

namespace {

// Characters, not bytes: "±" is one.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<size_t> widths_of(const TextTable& table) {
  std::vector<size_t> widths;
  for (const std::string& word : table.header) widths.push_back(width_of(word));
  for (const auto& row : table.rows) {
    for (size_t c = 0; c < widths.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  return widths;
}

std::string csv_field(const std::string& word) {
  if (word.find_first_of(",\"\r\n") == word.npos) return word;
  std::string text = "\"";
  for (const char c : word) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

}  // namespace

std::string to_text(const TextTable& table, size_t left, size_t width) {
  const std::vector<size_t> widths = widths_of(table);
  std::string text;
  size_t begin = 1;
  do {
    size_t end = begin, used = widths[0];
    while (end < widths.size() && (end == begin || used + 2 + widths[end] <= width)) {
      used += 2 + widths[end++];
    }
    const auto append = [&](const std::vector<std::string>& row) {
      std::string line;
      for (size_t c = 0; c < end; c = c == 0 ? begin : c + 1) {
        const std::string space(widths[c] - width_of(row[c]), ' ');
        line += (c == 0 ? "" : "  ") + (c < left ? row[c] + space : space + row[c]);
      }
      while (line.ends_with(' ')) line.pop_back();
      text += line + '\n';
    };
    if (!text.empty()) text += '\n';
    append(table.header);
    for (const auto& row : table.rows) append(row);
    begin = end;
  } while (begin < widths.size());
  return text;
}

std::string to_markdown(const TextTable& table) {
  const std::vector<size_t> widths = widths_of(table);
  std::string text;
  const auto append = [&](const std::vector<std::string>& row) {
    for (size_t c = 0; c < widths.size(); ++c) {
      text += "| " + row[c] + std::string(widths[c] - width_of(row[c]), ' ') + ' ';
    }
    text += "|\n";
  };
  append(table.header);
  for (size_t c = 0; c < widths.size(); ++c) text += "| --- ";
  text += "|\n";
  for (const auto& row : table.rows) append(row);
  return text;
}

std::string to_csv(const TextTable& table) {
  std::string text;
  const auto append = [&](const std::vector<std::string>& row) {
    for (size_t c = 0; c < row.size(); ++c) text += (c == 0 ? "" : ",") + csv_field(row[c]);
    text += '\n';
  };
  append(table.header);
  for (const auto& row : table.rows) append(row);
  return text;
}

std::string to_html(const TextTable& table, size_t left) {
  std::string text = "<div class=\"wide\"><table>\n";
  const auto append = [&](const std::vector<std::string>& row, const char* tag) {
    const bool printed = row[0].ends_with("(printed)");  // stands below one's own
    text += printed ? "<tr class=\"printed\">" : "<tr>";
    for (size_t c = 0; c < row.size(); ++c) {
      text += fmt::format("<{0} class=\"{1}\">{2}</{0}>", tag, c < left ? "left" : "right",
                          html_escaped(row[c]));
    }
    text += "</tr>\n";
  };
  append(table.header, "th");
  for (const auto& row : table.rows) append(row, "td");
  return text + "</table></div>\n";
}

std::string grouped(int64_t value) {
  const std::string digits = std::to_string(value);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
