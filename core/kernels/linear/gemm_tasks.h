// How our own products with a packed matrix are cut into tasks: a task is a block of rows of c
// times a panel of columns. The cut depends on the shape alone, never on the thread count.
#pragma once

#include <algorithm>
#include <cstdint>

namespace soragrad::kernels {

constexpr int64_t kPanelColumns = 64;                 // columns of a packed panel
constexpr int64_t kMostRows = 192, kFewestRows = 48;  // limits on the rows of a task
constexpr int64_t kRowsOfTile = 6;                    // rows of a tile in registers
constexpr int64_t kTasks = 32;                        // tasks to aim at, enough to balance threads

// size / block, rounded up.
constexpr int64_t blocks(int64_t size, int64_t block) {
  return (size + block - 1) / block;
}

// Rows of a task for a product with this many rows and panels: whole tiles, about equal blocks, at
// most kMostRows (what the second-level cache holds beside a panel), and fewer if there would be
// less than kTasks tasks.
constexpr int64_t rows_per_task(int64_t rows, int64_t panels) {
  const int64_t wanted = std::min(blocks(rows, kFewestRows), blocks(kTasks, panels));
  const int64_t count = std::max(blocks(rows, kMostRows), wanted);
  return blocks(blocks(rows, count), kRowsOfTile) * kRowsOfTile;
}

}  // namespace soragrad::kernels
