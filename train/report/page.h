// Pages: one HTML file each that needs no other file, no network and no script to be read. Light or
// dark as the reader's system is, always light in print. Text of data is escaped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace soragrad::train {

// Markup as text: & < > and quotes.
std::string html_escaped(std::string_view text);

// A whole page: its title as a heading, then the body.
std::string html_page(std::string_view title, std::string_view body);

// A cell of an HtmlTable. A key names the number for whoever compares the page with results.json:
// it becomes the attribute data-key.
struct HtmlCell {
  std::string text;
  std::string key;
  bool is_code = false;  // in letters of one width
};

// A table whose first `left` columns are flush left.
class HtmlTable {
 public:
  explicit HtmlTable(const std::vector<std::string>& header, size_t left = 1);

  void row(const std::vector<HtmlCell>& cells);
  bool is_empty() const { return rows_.empty(); }
  std::string html() const;

 private:
  size_t left_;
  std::string header_, rows_;
};

// Pictures and tables beside one another, as many as the page is wide.
std::string html_grid(const std::vector<std::string>& parts);
// Folded away until the reader opens it.
std::string html_details(std::string_view summary, std::string_view body);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
