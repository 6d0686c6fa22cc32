// fastText's training files: `__label__X __label__Y text`, an example a line. The words at the
// line's start that begin with __label__ are labels; the rest, without the blanks before it, is the
// text. Columns: label, text. If a line has several labels, every label is a list.
#pragma once

#include "data/table/table.h"

namespace soragrad::data {

class FastTextTable : public Table {
 public:
  FastTextTable(const std::string& path, std::string bytes);
  std::vector<Column> read_columns(std::span<const size_t> wanted) override;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
