#include "data/table/delimited.h"

#include <algorithm>
#include <utility>

namespace soragrad::data {

bool RecordReader::skip_line_end() {
  const std::string_view rest = text_.substr(position_, 2);
  if (rest.starts_with('\n')) {
    ++position_;
  } else if (rest == "\r\n") {
    position_ += 2;
  } else {
    return false;
  }
  ++next_line_;
  return true;
}

bool RecordReader::next() {
  while (skip_line_end()) {
  }
  fields_.clear();
  width_ = 0;
  if (position_ == text_.size()) return false;
  line_ = next_line_;
  for (;;) {
    const bool is_quoted =
        delimiters_.quotes && position_ < text_.size() && text_[position_] == '"';
    const Field field = is_quoted ? quoted_field() : plain_field();
    if (++width_ <= kMaxTableColumns + 1) fields_.push_back(field);
    if (position_ == text_.size() || skip_line_end()) return true;
    ++position_;  // over the separator
  }
}

RecordReader::Field RecordReader::plain_field() {
  const char* const begin = text_.data() + position_;
  const char* const end = text_.data() + text_.size();
  const char* at = begin;
  while (at != end && *at != delimiters_.separator && *at != '\n') ++at;
  if (at != end && *at == '\n' && at != begin && at[-1] == '\r') --at;  // skip_line_end() goes on
  position_ = static_cast<size_t>(at - text_.data());
  return {{begin, static_cast<size_t>(at - begin)}};
}

RecordReader::Field RecordReader::quoted_field() {
  const int64_t opened = next_line_;
  const size_t begin = position_ + 1;
  bool doubled = false;
  size_t end = text_.find('"', begin);
  while (end != text_.npos && text_.substr(end + 1).starts_with('"')) {
    doubled = true;
    end = text_.find('"', end + 2);
  }
  require(end != text_.npos,
          "[{}:{}] a quote opens a cell here and is never closed; close it, or double it if it is "
          "text.",
          path_, opened);
  const std::string_view raw = text_.substr(begin, end - begin);
  next_line_ += std::count(raw.begin(), raw.end(), '\n');
  position_ = end + 1;
  const std::string_view rest = text_.substr(position_, 2);
  if (!rest.empty() && rest[0] != delimiters_.separator && rest[0] != '\n' && rest != "\r\n") {
    std::string_view behind = text_.substr(position_, 20);
    behind = behind.substr(0, behind.find('\n'));
    fail("[{}:{}] text follows the quote that closes a cell: {}; double quotes that are text.",
         path_, next_line_, quote(behind));
  }
  return {raw, doubled};
}

DelimitedTable::DelimitedTable(const std::string& path, std::string bytes, Delimiters delimiters)
    : Table(path, std::move(bytes)), delimiters_(delimiters) {
  count_invalid_utf8();
  require(
      text().find('\r') == std::string_view::npos || text().find('\n') != std::string_view::npos,
      "[{}] lines end in CR alone; end them by LF or CR LF.", path_);
  RecordReader reader(text(), delimiters_, path_);
  require(reader.next(), "[{}] the file is empty; a header and rows are needed.", path_);
  require(reader.width() <= kMaxTableColumns, "[{}] {} columns; at most {} are read.",
          at_line(reader.line()), reader.width(), kMaxTableColumns);
  std::vector<std::string> names;
  for (const RecordReader::Field& field : reader.fields()) {
    names.push_back(delimiters_.header ? std::string(trimmed_blanks(value_of(field)))
                                       : std::to_string(names.size()));
  }
  set_columns(std::move(names), at_line(reader.line()));
}

std::string_view DelimitedTable::value_of(const RecordReader::Field& field) {
  if (!field.doubled) return repaired(field.raw);
  char* const begin = arena_.allocate(field.raw.size());
  char* to = begin;
  for (size_t i = 0; i < field.raw.size(); ++i) {
    *to++ = field.raw[i];
    if (field.raw[i] == '"') ++i;  // the second of the two
  }
  return repaired({begin, static_cast<size_t>(to - begin)});
}

std::vector<Column> DelimitedTable::read_columns(std::span<const size_t> wanted) {
  std::vector<Column> result(wanted.size());
  RecordReader reader(text(), delimiters_, path_);
  if (delimiters_.header) reader.next();
  const size_t width = columns().size();
  while (reader.next()) {
    require(reader.width() == width, "[{}] a row of {} fields, expected {} as in the {}; {}.",
            at_line(reader.line()), reader.width(), width,
            delimiters_.header ? "header" : "first row",
            delimiters_.quotes ? "quote cells that hold commas"
                               : "a TAB separates fields and nothing is quoted");
    for (size_t i = 0; i < wanted.size(); ++i) {
      result[i].cells.emplace_back(Cell::Kind::text, value_of(reader.fields()[wanted[i]]));
    }
    lines_.push_back(static_cast<uint32_t>(reader.line()));
    ++rows_;
  }
  return result;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
