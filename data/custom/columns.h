// Which columns of a table are text, second text, label, id and weight.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "data/custom/keys.h"
#include "data/table/table.h"

namespace soragrad::data {

// Positions in Table::columns().
struct CustomColumns {
  size_t text = 0;
  std::optional<size_t> pair, label, id, weight;
};

// What a file is read for decides what it must have.
enum class CustomUse {
  train,       // label, and weight_column if it is set
  validation,  // label
  test,        // label if there is one
  predict,     // no label
};

// The columns that the keys name, else the one candidate that is present. Throws a message that
// lists the file's columns if a named one is missing, or if there are several candidates or none
// for a column that is needed.
CustomColumns choose_columns(const Table& table, const CustomKeys& keys, CustomUse use);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
