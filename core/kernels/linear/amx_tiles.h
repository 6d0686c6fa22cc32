// Tile registers of AMX, as our bf16 products use them: eight of 16 rows of 64 bytes.
#pragma once

#include <cstdint>

#include "core/kernels/linear/bf16_operands.h"

#define SORAGRAD_AMX __attribute__((target("avx512f,amx-tile,amx-bf16")))

namespace soragrad::kernels {

// What ldtilecfg loads: all eight tiles are full ones.
struct alignas(64) TileShapes {
  uint8_t palette = 1, first_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
constexpr TileShapes full_tiles() {
  TileShapes shapes;
  for (int tile = 0; tile < 8; ++tile) {
    shapes.row_bytes[tile] = kTileDepthBf16 * sizeof(bfloat16);
    shapes.rows[tile] = kTileRowsBf16;
  }
  return shapes;
}
inline constexpr TileShapes kFullTiles = full_tiles();

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
