// One file of own data: the cells of the columns that matter, before classes are known.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/custom/columns.h"
#include "data/task.h"

namespace soragrad::data {

struct CustomFile {
  std::unique_ptr<Table> table;
  CustomColumns columns;
  // (rows of the file); empty if there is no such column. A label is null (the row has none), one
  // trimmed name, or a list of distinct trimmed names.
  std::vector<Cell> texts, pairs, labels, ids, weights;
  std::vector<std::string> class_names;  // of a ClassLabel, trimmed; none if numbers are scores
  Arena arena;                           // of lists of names

  bool is_labelled() const { return columns.label.has_value(); }
  int64_t rows() const { return table->rows(); }
  // Of a column; empty if there is none.
  std::string name_of(std::optional<size_t> column) const {
    return column ? table->columns()[*column] : std::string();
  }
  // "[FILE:line]", "[FILE: row N]"
  std::string where(int64_t row) const { return table->where(row); }
};

// Reads a file and brings its labels into the form above: blanks trimmed, numbers of a ClassLabel
// replaced by their names, cells cut at `label_separator`. Throws for names of a ClassLabel that
// are empty or alike, for a text that is an object or a list in a row with a label, for a class
// number beyond the names, and for a file that mixes JSON lists with other labels.
std::unique_ptr<CustomFile> read_custom_file(const std::string& path, const CustomKeys& keys,
                                             CustomUse use);

// Whether the text is a number, [+-]?(d+.?d*|.d+)([eE][+-]?d+)?, and whether it has a point or an
// exponent. "nan" and "inf" are names.
struct NumberForm {
  bool is_number = false, is_whole = false;
};
NumberForm number_form(std::string_view text);

// The value of such a number; infinite if it is too large.
double number_value(std::string_view text);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
