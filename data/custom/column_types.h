// What the columns of a file hold, for people who look at it before they train.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/custom/keys.h"

namespace soragrad::data {

// Empty: every cell is. Not read: a column of Parquet in a form that is not known, such as decimals
// or DELTA encodings; training needs it as little, unless a key names it.
enum class ColumnType { empty, boolean, whole_number, number, text, list, object, not_read };

std::string_view name_of(ColumnType type);

struct ColumnSummary {
  std::string name;
  ColumnType type = ColumnType::empty;
  int64_t empty_cells = 0;
};

// The columns of all train files, which load_custom() has read, in the order of first appearance. A
// column that mixes types has the last of them in the order above: numbers and words are text.
// Nested columns of Parquet are objects.
std::vector<ColumnSummary> column_summaries(const CustomKeys& keys);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
