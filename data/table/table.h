// Foreign tables behind one interface: .csv, .tsv, .jsonl, fastText's .txt and .parquet. The format
// is chosen by the file's extension or by the caller, never guessed from its content.
//   const auto table = open_table("rows.csv");
//   const std::vector<Column> columns = table->read(std::vector<size_t>{0, 2});
//   use(columns[0].cells[row].text());
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "data/table/cell.h"

namespace soragrad::data {

constexpr size_t kMaxTableColumns = 4096;

struct TableOptions {
  std::string format = {};  // csv, tsv, jsonl, fasttext, parquet; empty: by extension
  bool header = true;       // of csv and tsv; false: columns are named 0, 1, 2 ...
};

struct Column {
  std::vector<Cell> cells;               // (rows)
  std::vector<std::string> class_names;  // of a Hugging Face ClassLabel: cells are their numbers
};

// One file. Cells borrow from it, so it must outlive them.
class Table {
 public:
  virtual ~Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  const std::string& path() const { return path_; }
  // Names in the order of the file.
  std::span<const std::string> columns() const { return columns_; }
  // Reads these columns (distinct positions in columns()) of all rows and checks the form of every
  // row. Throws "[FILE:line] ..." or "[FILE] ... row N" for a row at fault, and for a position
  // beyond the columns.
  std::vector<Column> read(std::span<const size_t> wanted);

  // Whether the file keeps each column apart, so that one may be read after the other, and a fault
  // in one is no fault in another.
  virtual bool keeps_columns_apart() const { return false; }
  // Whether the names of its columns are a line of the file.
  virtual bool has_header() const { return false; }
  // Whether read() takes a column: not the nested ones of a Parquet file, but for lists of values.
  virtual bool is_readable(size_t /*column*/) const { return true; }

  // After read(). The numbers of rows, and of maximal invalid parts of UTF-8, which became U+FFFD.
  int64_t rows() const { return rows_; }
  int64_t invalid_utf8() const { return invalid_utf8_; }
  // "FILE:line" of a row, counted from 0; "FILE: row N", counted from 1, in formats without lines.
  // Throws for a line that was not read.
  std::string where(int64_t row) const;
  // In lower-case hexadecimal, of the whole file.
  const std::string& sha256() const { return sha256_; }
  int64_t bytes() const { return static_cast<int64_t>(bytes_.size()); }

 protected:
  virtual std::vector<Column> read_columns(std::span<const size_t> wanted) = 0;

  // `path` names the bytes in messages.
  Table(const std::string& path, std::string bytes);

  // The bytes without a byte order mark.
  std::string_view text() const;
  std::string at_line(int64_t line) const;  // "FILE:line"
  // Counts invalid UTF-8 in the whole file; repaired() costs nothing if there is none.
  void count_invalid_utf8();
  // The text with U+FFFD for each maximal invalid part.
  std::string_view repaired(std::string_view raw);
  // Throws if a name occurs twice or if there are too many.
  void set_columns(std::vector<std::string> names, const std::string& where);

  std::string path_;  // made printable
  std::string bytes_;
  Arena arena_;
  int64_t rows_ = 0;
  std::vector<uint32_t> lines_;  // (rows) where each begins; empty in formats without lines
  int64_t invalid_utf8_ = 0;

 private:
  std::vector<std::string> columns_;
  std::string sha256_;
  std::string storage_;
};

// Reads a file of at most 4 GiB. Throws for an unknown extension or format.
std::unique_ptr<Table> open_table(const std::string& path, const TableOptions& options = {});
// The same for bytes in memory.
std::unique_ptr<Table> read_table(const std::string& path, std::string bytes,
                                  const TableOptions& options = {});

// The text without ASCII blanks (space, tab, line feed, vertical tab, form feed, carriage return)
// at its ends.
std::string_view trimmed_blanks(std::string_view text);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
