// What the columns of a file hold, for people who look at it before they train.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/custom/keys.h"

namespace soragrad::data {

// text, whole number, number, boolean, list, object; empty: every cell is.
enum class ColumnType { empty, boolean, whole_number, number, text, list, object };

std::string_view name_of(ColumnType type);

struct ColumnSummary {
  std::string name;
  ColumnType type = ColumnType::empty;
  int64_t empty_cells = 0;
};

// Reads all columns of a file that load_custom() can read. A column that mixes types has the last
// of them in the order above: numbers and words are text. Nested columns of Parquet are objects.
std::vector<ColumnSummary> column_summaries(const std::string& path, const CustomKeys& keys);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
