// How our own products with a packed matrix are cut into tasks: a task is a block of rows of c
// times a panel of columns. The cut depends on the shape alone, never on the thread count.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/integer_math.h"

namespace soragrad::kernels {

constexpr int64_t kPanelColumns = 64;                 // columns of a packed panel
constexpr int64_t kMostRows = 192, kFewestRows = 48;  // limits on the rows of a task
constexpr int64_t kRowsOfTile = 6;                    // rows of a tile in registers
constexpr int64_t kTasks = 32;                        // tasks to aim at, enough to balance threads

// Rows of a task for a product with this many rows and panels: whole tiles, about equal blocks, at
// most kMostRows (what the second-level cache holds beside a panel), and fewer if there would be
// less than kTasks tasks.
constexpr int64_t rows_per_task(int64_t rows, int64_t panels) {
  const int64_t wanted = std::min(ceil_div(rows, kFewestRows), ceil_div(kTasks, panels));
  const int64_t count = std::max(ceil_div(rows, kMostRows), wanted);
  return ceil_div(ceil_div(rows, count), kRowsOfTile) * kRowsOfTile;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
