// Tab-separated text as GLUE writes it and as Python's csv module reads it with QUOTE_NONE: a TAB
// parts fields, a quote is a letter like any other, and LF, CR LF or CR ends a line (the universal
// newlines of Python's open()). A UTF-8 byte order mark is skipped, empty lines are skipped.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data {

constexpr size_t kMaxTsvColumns = 1024;  // GLUE's widest table has 16

// Walks over the rows of one file:
//   TsvReader reader(path);
//   while (reader.next()) use(reader.fields());
class TsvReader {
 public:
  // Reads the whole file; fails as read_file does.
  explicit TsvReader(const std::string& path);
  // Reads these bytes; the path only names them in messages.
  TsvReader(std::string path, std::string bytes);
  TsvReader(const TsvReader&) = delete;
  TsvReader& operator=(const TsvReader&) = delete;

  // Goes to the next line that is not empty; false at the end. Fails, naming file and line, where a
  // line has more than kMaxTsvColumns fields.
  bool next();
  // Goes back to before the first row.
  void rewind();

  // The fields of this row, at least one; valid until the next call of next().
  std::span<const std::string_view> fields() const { return fields_; }
  int64_t line() const { return line_; }  // counted from 1, empty lines included
  const std::string& path() const { return path_; }
  std::string where() const;  // "path:line"

 private:
  std::string path_;
  std::string bytes_;
  size_t begin_ = 0;  // of the text, after the byte order mark
  size_t position_ = 0;
  int64_t line_ = 0;
  std::vector<std::string_view> fields_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
