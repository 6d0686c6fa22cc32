// The lines of a text that are not blank. LF and CR LF end a line; another CR is text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace soragrad::data {

class TextLines {
 public:
  explicit TextLines(std::string_view text) : text_(text) {}

  // Goes to the next line that holds more than blanks; false at the end.
  bool next() {
    while (!text_.empty()) {
      const size_t end = std::min(text_.find('\n'), text_.size());
      line_ = text_.substr(0, end);
      if (end < text_.size() && line_.ends_with('\r')) line_.remove_suffix(1);
      text_.remove_prefix(std::min(end + 1, text_.size()));
      ++number_;
      if (line_.find_first_not_of(" \t\r\v\f") != line_.npos) return true;
    }
    return false;
  }

  std::string_view line() const { return line_; }  // without its end
  int64_t number() const { return number_; }       // from 1, blank lines included

 private:
  std::string_view text_, line_;
  int64_t number_ = 0;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
