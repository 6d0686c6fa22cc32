// How our own products with a packed matrix are cut: a task is a block of rows times a panel.
#pragma once

#include <algorithm>
#include <cstdint>

namespace soragrad::kernels {

constexpr int64_t kPanelColumns = 64;
constexpr int64_t kMostRows = 192, kFewestRows = 48;  // of a task
constexpr int64_t kRowsOfTile = 6;                    // that the kernels keep in registers
constexpr int64_t kTasks = 32;                        // wanted, if rows are cut for it

constexpr int64_t blocks(int64_t size, int64_t block) {
  return (size + block - 1) / block;
}

// Equal blocks of whole tiles: as large as the caches allow, smaller where threads would wait.
constexpr int64_t rows_per_task(int64_t rows, int64_t panels) {
  const int64_t wanted = std::min(blocks(rows, kFewestRows), blocks(kTasks, panels));
  const int64_t count = std::max(blocks(rows, kMostRows), wanted);
  return blocks(blocks(rows, count), kRowsOfTile) * kRowsOfTile;
}

}  // namespace soragrad::kernels
