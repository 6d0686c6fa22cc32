// .jsonl and .json: one object a line (RFC 8259). Columns are the keys of the outer objects in the
// order of their first appearance; a key that is missing in a row is null. Nested values are
// checked and otherwise ignored, but a list of plain values may be read as a cell.
#pragma once

#include "data/table/table.h"

namespace soragrad::data {

// One member of an object, not yet decoded.
struct JsonMember {
  std::string_view key;  // between its quotes
  bool key_escaped = false;
  Cell::Kind kind = Cell::Kind::null;
  std::string_view raw;  // the value as written; a text without its quotes
  bool escaped = false;  // raw holds backslashes
};

// Checks one line and finds the members of its object.
class JsonLine {
 public:
  // `path` and `number` name the line in messages.
  JsonLine(std::string_view line, std::string_view path, int64_t number)
      : text_(line), path_(path), number_(number) {}

  // Throws unless the line is exactly one object, nested at most 100 deep, of strict JSON.
  void read(std::vector<JsonMember>& members);
  // The items of a list, whose text the line is; nested lists and objects have their kinds.
  void read_list(std::vector<JsonMember>& items);

 private:
  JsonMember value(int depth);
  void object(int depth, std::vector<JsonMember>* members);
  void list(int depth, std::vector<JsonMember>* items);
  JsonMember string();
  void number();
  void escape();
  bool take(char c);
  void skip_blanks();
  void end();
  [[noreturn]] void wrong(std::string_view expected) const;

  std::string_view text_, path_;
  int64_t number_;
  size_t position_ = 0;
};

class JsonLinesTable : public Table {
 public:
  // Reads every line for its keys.
  JsonLinesTable(const std::string& path, std::string bytes);
  std::vector<Column> read_columns(std::span<const size_t> wanted) override;

 private:
  std::string_view decoded(std::string_view raw, bool escaped);
  std::string_view key_of(const JsonMember& member);
  Cell cell_of(const JsonMember& member, int64_t line);

  std::string key_storage_, repaired_key_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
