// The plan of attention backward, for both precisions. Three launches, without atomics:
//
// 1. Scores. A block owns 32 queries of one sequence and head and walks the keys. It writes each
//    tile of p (after dropout) and of ds to memory, 32 by 32 floats each.
// 2. Products. Every other block owns one piece of a gradient. It sums the piece up in registers
//    over the tiles that it reads, and writes it once:
//      dq      32 queries; walks the keys
//      dk, dv  32 keys; walk the queries
//      tables  32 distances of one group of sequences; walks the tiles that have these distances,
//              which lie on two diagonals, and writes sums by distance
// 3. fold_distances.cu adds up the groups and the distances that share a row of a table.
//
// There are as many blocks as pieces, and the order of every sum depends on the shapes alone, so
// two runs give the same bits. The price is memory for p and ds: 8 KB a tile and head.
#pragma once

#include <algorithm>

#include "core/kernels/attention/attention_tile.cuh"
#include "core/kernels/attention/fold_distances.h"

namespace soragrad::kernels {

constexpr int kTileSize = kTile * kTile;

// The plan of one call. `tiles` is the number of tiles of the longest sequence.
struct GradientPlan {
  real* p;  // tiles of p and ds, at slot_of()
  real* ds;
  // Sums by distance, (groups, 2 max_length - 1, hidden) of each table; null: not wanted.
  real *of_key, *of_query;
  int tiles, groups;
  int table_pieces;  // of the second launch, for each head
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
enum class Gradient { dq, dk, dv, tables };  // the first three in the order of their pieces

// blockIdx.x numbers the pieces: each window of 32 distances of each group, then dq, dk and dv of
// each tile of each sequence. The windows come first because they walk the most tiles: begun last,
// they would keep the GPU waiting. blockIdx.y is the head.
struct Piece {
  Gradient gradient;
  int64_t sequence;  // tables: the group
  int tile;          // tables: the window, distances [32 tile, 32 tile + 32)
};
__device__ inline Piece block_piece(const AttentionArgs& args, const GradientPlan& plan) {
  const int piece = static_cast<int>(blockIdx.x), windows = 2 * plan.tiles;
  if (piece < plan.table_pieces) {
    return {Gradient::tables, piece / windows, piece % windows - plan.tiles};
  }
  const int of_tokens = static_cast<int>(args.sequences) * plan.tiles;
  const int n = piece - plan.table_pieces, of_gradient = n % of_tokens;
  return {static_cast<Gradient>(n / of_tokens), of_gradient / plan.tiles, of_gradient % plan.tiles};
}

// Calls call(sequence, at, below) for each tile that has distances of the group's window, in one
// order. Row n of the window is the distance i - j = n of the tile's rows, or n - 32 if `below`.
template <typename Call>
__device__ void for_each_tile(const AttentionArgs& args, const GradientPlan& plan,
                              const Piece& piece, const Call& call) {
  for (int64_t sequence = piece.sequence; sequence < args.sequences; sequence += plan.groups) {
    TileCoords at = tile_coords(args, sequence, blockIdx.y);
    for (int below = 0; below < 2; ++below) {
      const int apart = kTile * (piece.tile + below);  // of queries and keys
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

// Makes the plan and its memory, calls scores(plan, blocks) and products(plan, blocks), which
// launch kernels with that many blocks along x, and folds the sums by distance, unless the caller
// does it.
template <typename Scores, typename Products>
void with_gradient_plan(const AttentionBackwardArgs& args, const Scores& scores,
                        const Products& products) {
  const AttentionArgs& forward = args.forward;
  const FoldDistancesArgs fold = fold_args(args, args.distance_sums);
  const int64_t tiles = ceil_div(forward.max_length, kTile);
  const int64_t rows = forward.sequences + (forward.first_query_only ? 0 : forward.tokens / kTile);
  const int64_t size = rows * tiles * forward.heads * kTileSize;
  const Tensor both = Tensor::empty({2, size}, kReal, Device::cuda);
  const int64_t of_table = fold.groups * fold.width * fold.hidden;
  const Tensor own =
      Tensor::empty({args.distance_sums ? 0 : fold.count, of_table}, kReal, Device::cuda);
  real* sums = args.distance_sums ? args.distance_sums : own.data();
  const GradientPlan plan{
      .p = both.data(),
      .ds = both.data() + size,
      .of_key = args.dposition_key ? sums : nullptr,
      .of_query = args.dposition_query ? sums + (fold.count - 1) * of_table : nullptr,
      .tiles = static_cast<int>(tiles),
      .groups = static_cast<int>(fold.groups),
      .table_pieces = static_cast<int>(fold.count > 0 ? fold.groups * 2 * tiles : 0)};
  scores(plan, forward.sequences * (forward.first_query_only ? 1 : tiles));
  products(plan, plan.table_pieces + 3 * forward.sequences * tiles);
  if (!args.distance_sums) fold_distances_cuda(fold_args(args, sums));
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
