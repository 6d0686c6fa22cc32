// .csv by RFC 4180 and .tsv without quoting.
//
// A cell of a csv that begins with a quote ends at the next quote that is not doubled, and may hold
// commas and line ends. A quote elsewhere in a cell is text. LF and CR LF end a line, another CR is
// text; empty lines are skipped. The first record names the columns, unless header is false.
#pragma once

#include "data/table/table.h"

namespace soragrad::data {

struct Delimiters {
  char separator = ',';
  bool quotes = true;
  bool header = true;
};

// Goes over the records of a text, counting lines through quoted cells.
class RecordReader {
 public:
  struct Field {
    std::string_view raw;  // without its quotes
    bool doubled = false;  // raw holds "" for each quote
  };

  // `path` names the file in messages.
  RecordReader(std::string_view text, Delimiters delimiters, std::string_view path)
      : text_(text), delimiters_(delimiters), path_(path) {}

  // The next record into `fields`, at most kMaxTableColumns + 1 of them; false at the end. Throws
  // if a quote is never closed or if text follows a closing quote.
  bool next();
  const std::vector<Field>& fields() const { return fields_; }
  size_t width() const { return width_; }  // fields of this record, also those not kept
  int64_t line() const { return line_; }   // on which this record begins, from 1

 private:
  bool skip_line_end();
  Field plain_field();
  Field quoted_field();

  std::string_view text_;
  Delimiters delimiters_;
  std::string_view path_;
  size_t position_ = 0;
  int64_t line_ = 0, next_line_ = 1;
  size_t width_ = 0;
  std::vector<Field> fields_;
};

class DelimitedTable : public Table {
 public:
  // Reads the header; throws if there is no record.
  DelimitedTable(const std::string& path, std::string bytes, Delimiters delimiters);
  std::vector<Column> read_columns(std::span<const size_t> wanted) override;
  bool has_header() const override { return delimiters_.header; }

 private:
  std::string_view value_of(const RecordReader::Field& field);

  Delimiters delimiters_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
