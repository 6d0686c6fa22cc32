// The plan of attention backward, for both precisions. Three launches, without atomics:
//
// 1. Scores. A block owns 32 queries of a sequence and head, walks the keys, and writes each tile
// of
//    p (after dropout) and ds to memory, 32 by 32 floats each. Every score is computed once.
// 2. Products. Every other block owns one piece of a gradient, sums it up in registers over the
// tiles
//    that it reads, and writes it once:
//      dq      32 queries; walks the keys
//      dk, dv  32 keys; walk the queries
//      tables  32 distances of one group of sequences; walks the tiles that have these distances,
//              which lie on two diagonals, and writes sums by distance
// 3. fold_distances adds up the groups and the distances that share a row of a table.
//
// There are as many blocks as pieces, and the order of every sum depends on the shapes alone, so
// two runs give the same bits. The price is memory for p and ds: 8 KB a tile and head.
#pragma once

#include <algorithm>

#include "core/kernels/attention/attention_tile.cuh"

namespace soragrad::kernels {

// More groups give more blocks and take more memory: 3 MB a group and table at length 512.
constexpr int64_t kMaxGroups = 8;
constexpr int kTileSize = kTile * kTile;

// The plan of one call. `tiles` is the number of tiles of the longest sequence.
struct GradientPlan {
  real* p;  // tiles of p and ds, at slot_of()
  real* ds;
  real*
      of_key;  // sums by distance (groups, 2 max_length - 1, hidden) for each table; null: unwanted
  real* of_query;
  int tiles, groups;
};

// Number of the tile (query tile, key tile) of a sequence among all tiles of one head. A sequence
// has at most tokens / 32 + 1 tiles of queries, so those of the next one do not meet them.
__device__ inline int64_t slot_of(const AttentionArgs& args, const GradientPlan& plan,
                                  int64_t sequence, const TileCoords& at) {
  const int64_t first = args.first_query_only ? sequence : at.first_token / kTile + sequence;
  return (first + at.query / kTile) * plan.tiles + at.key / kTile;
}
__device__ inline real* tile_of(real* tiles, const AttentionArgs& args, const GradientPlan& plan,
                                int64_t sequence, const TileCoords& at) {
  return tiles + (slot_of(args, plan, sequence, at) * args.heads + at.head) * kTileSize;
}

// -- What a block of the second launch owns -------------------------------------------------------
enum class Gradient { dq, dk, dv, tables };

// blockIdx.x numbers the pieces: dq, dk and dv of each tile of each sequence, then each window of
// 32 distances of each group. blockIdx.y is the head.
struct Piece {
  Gradient gradient;
  int64_t sequence;  // tables: the group
  int tile;          // tables: the window, distances [32 tile, 32 tile + 32)
};
__device__ inline Piece block_piece(const AttentionArgs& args, const GradientPlan& plan) {
  const int64_t of_tokens = args.sequences * plan.tiles, piece = blockIdx.x;
  const auto at = [&](Gradient gradient, int64_t n) {
    return Piece{gradient, n / plan.tiles, static_cast<int>(n % plan.tiles)};
  };
  if (piece < of_tokens) return at(Gradient::dq, piece);
  if (piece < 2 * of_tokens) return at(Gradient::dk, piece - of_tokens);
  if (piece < 3 * of_tokens) return at(Gradient::dv, piece - 2 * of_tokens);
  const int64_t n = piece - 3 * of_tokens, windows = 2 * plan.tiles;
  return {Gradient::tables, n / windows, static_cast<int>(n % windows) - plan.tiles};
}

// Calls call(sequence, at, below) for each tile that has distances of the group's window, in one
// order. Row n of the window is the distance i - j = n of the tile's rows, or n - 32 if `below`.
template <typename Call>
__device__ void for_each_tile(const AttentionArgs& args, const GradientPlan& plan,
                              const Piece& piece, const Call& call) {
  for (int64_t sequence = piece.sequence; sequence < args.sequences; sequence += plan.groups) {
    TileCoords at = tile_coords(args, sequence, blockIdx.y);
    for (int below = 0; below < 2; ++below) {
      const int64_t apart = int64_t{kTile} * (piece.tile + below);  // of queries and keys
      for (at.query = apart > 0 ? apart : 0; at.query < at.queries; at.query += kTile) {
        at.key = at.query - apart;
        if (at.key >= at.length) break;
        call(sequence, at, below != 0);
      }
    }
  }
}

// Where row n of the window has its sums, or null if no sequence can have the distance.
__device__ inline real* window_row(const AttentionArgs& args, const Piece& piece, real* sums,
                                   int n) {
  const int64_t entry = int64_t{kTile} * piece.tile + n + args.max_length - 1;
  const int64_t width = 2 * args.max_length - 1;
  if (entry < 0 || entry >= width) return nullptr;
  return sums + (piece.sequence * width + entry) * args.heads * args.head_size +
         blockIdx.y * args.head_size;
}

// Element (i, j) of a tile of ds, or 0 outside of it.
template <typename Rows>
__device__ real skewed(const Rows& ds, int i, int j) {
  return i >= 0 && i < kTile && j >= 0 && j < kTile ? ds.at[i][j] : real(0);
}

// -- The third launch -----------------------------------------------------------------------------
constexpr int kFoldWarps = static_cast<int>(kMaxGroups);

// Writes the tables' gradients (positions, hidden). A block owns 32 columns of one row of one
// table: blockIdx is (row, columns, table). distance_row is non-decreasing, so the row's distances
// are one interval, found by bisection. It is short, except that all distances beyond the last
// bucket share the first or the last row. Warp w adds the interval of group w; then warp 0 adds the
// groups' sums in order. Distances that no sequence has add zeros: idle tokens change no bit.
static __global__ void fold_distances(AttentionArgs args, GradientPlan plan, real* dposition_key,
                                      real* dposition_query) {
  __shared__ real of_warp[kFoldWarps][kWarp];
  auto& parts = of_warp;
  const bool of_key = dposition_key && blockIdx.z == 0;
  const real* __restrict__ sums = of_key ? plan.of_key : plan.of_query;
  real* dtable = of_key ? dposition_key : dposition_query;
  const int64_t hidden = args.heads * args.head_size, width = 2 * args.max_length - 1;
  const int64_t row = blockIdx.x, column = blockIdx.y * kWarp + lane_index();
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const auto first_entry = [&](int64_t least_row) {
    int64_t low = 0, high = width;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (args.distance_row[middle] < least_row) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  const int64_t begin = first_entry(row), end = first_entry(row + 1);
  real sum = 0;
  if (warp < plan.groups && column < hidden) {
    const real* __restrict__ of_group = sums + warp * width * hidden + column;
#pragma unroll 8
    for (int64_t entry = begin; entry < end; ++entry) sum += of_group[entry * hidden];
  }
  parts[warp][lane_index()] = sum;
  __syncthreads();
  if (warp != 0 || column >= hidden) return;
  for (int other = 1; other < kFoldWarps; ++other) sum += parts[other][lane_index()];
  dtable[row * hidden + column] = sum;
}

// Makes the plan and its memory, calls scores(plan, blocks) and products(plan, blocks), which
// launch kernels with so many blocks along x, and folds the sums by distance.
template <typename Scores, typename Products>
void with_gradient_plan(const AttentionBackwardArgs& args, const Scores& scores,
                        const Products& products) {
  const AttentionArgs& forward = args.forward;
  const int64_t tables = (args.dposition_key != nullptr) + (args.dposition_query != nullptr);
  const int64_t tiles = ceil_div(forward.max_length, kTile);
  const int64_t groups = std::min(forward.sequences, kMaxGroups);
  const int64_t rows = forward.sequences + (forward.first_query_only ? 0 : forward.tokens / kTile);
  const int64_t size = rows * tiles * forward.heads * kTileSize;
  const int64_t width = (2 * forward.max_length - 1) * forward.heads * forward.head_size;
  const Tensor both = Tensor::empty({2, size}, kReal, Device::cuda);
  const Tensor sums = Tensor::empty({tables, groups * width}, kReal, Device::cuda);
  const GradientPlan plan{.p = both.data(),
                          .ds = both.data() + size,
                          .of_key = args.dposition_key ? sums.data() : nullptr,
                          .of_query = args.dposition_query
                                          ? sums.data() + (args.dposition_key ? groups * width : 0)
                                          : nullptr,
                          .tiles = static_cast<int>(tiles),
                          .groups = static_cast<int>(groups)};
  scores(plan, forward.sequences * (forward.first_query_only ? 1 : tiles));
  products(plan, 3 * forward.sequences * tiles + (tables > 0 ? groups * 2 * tiles : 0));
  if (tables == 0) return;
  launch(fold_distances,
         dim3(grid_size(forward.positions),
              grid_size(ceil_div(forward.heads * forward.head_size, kWarp)), grid_size(tables)),
         kFoldWarps * kWarp, 0, forward, plan, args.dposition_key, args.dposition_query);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
