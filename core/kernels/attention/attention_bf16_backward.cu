// Attention backward on tensor cores. The formulas are those of attention_backward.cu;
// attention_gradients.cuh has the plan, attention_bf16.cuh the tile. A block has four warps.
//
// Scores: each warp computes 16 by 16 of the tile's p and ds and writes them to memory.
//
// Products: a warp's left operand is read from a tile of p or ds in shared memory in the shape that
// it needs: as stored, transposed, or skewed by distance, in which elements outside of the tile
// count as 0. Row n of a table is the tile's distance n - 31:
//   dv_j   = sum over i of p(i, j) dy_i
//   dq_i   = sum over j of ds(i, j) k_j  +  sum over n of ds(i, i - n + 31) pk[n]
//   dk_j   = sum over i of ds(i, j) q_i  +  sum over n of ds(j + n - 31, j) pq[n]
// Left operands are split into two bf16 parts. Warp (a, b) owns rows 16a to 16a + 15 and half b of
// the columns of dq, dk or dv; of the tables' sums 16 distances of one table. They stay in
// registers until the end, so every element has one owner and one order of sums.
#include <cstddef>

#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_gradients.cuh"
#include "core/kernels/linear/round_bf16.h"

namespace soragrad::kernels {
namespace {

constexpr int kParts = kTile / kPart;  // parts along the queries, and along the keys
constexpr int kWarps = kParts * kParts;
constexpr int kThreads = kWarps * kWarp;
constexpr int kMiddle = kTile - 1;  // the tile's distance n - 31 is row n = distance + kMiddle

// p or ds of a tile, (query, key).
struct TileScores {
  float at[kTile][kTile + 4];
};

// Operands of the scores.
template <int kDepth>
struct GradientTile {
  Bf16Rows<kTile, kDepth> dy, v;
  BandScratch band[kWarps];
  float log_sum[kTile], dy_y[kTile];  // of each query; dy_y is dy_i . y_i
  Bf16ScoreTile<kDepth> scores;
};

// Operands of the products: a tile of p or ds, rows of tokens, and a table's ring buffer.
template <int kDepth>
struct ProductTile {
  TileScores weights;
  Bf16Rows<kTile, kDepth> rows, more_rows;
  Bf16Rows<kRun, kDepth> positions;
};

// The thread's warp and what it owns: queries 16a and keys 16b on of the scores; rows 16a on and
// half b of the columns of a gradient.
struct WarpPlace {
  int warp, a, b;
};
__device__ WarpPlace warp_place() {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  return {warp, warp % kParts, warp / kParts};
}

// Loads what stays the same over all keys: q and dy of the tile's queries, their log_sum and dy .
// y.
template <int kDepth>
__device__ void load_query_side(GradientTile<kDepth>& tile, const AttentionBackwardArgs& args,
                                const TileCoords& at) {
  const AttentionArgs& forward = args.forward;
  load_queries<kThreads>(tile.scores.q, forward, at, forward.q);
  load_queries<kThreads>(tile.dy, forward, at, args.dy);
  // Four threads share a query. dy is rounded as the products' operand is, so that sum over j of
  // p g equals this dot product.
  const int i = static_cast<int>(threadIdx.x) / kGroup;
  const real* y = query_row(forward, at, forward.y, i);
  const real* dy = query_row(forward, at, args.dy, i);
  float sum = 0;
  for (int64_t d = 4 * place_in_group(); y && d < forward.head_size; d += 4 * kGroup) {
    const Four left = load_fours<true>(dy + d, forward.head_size - d);
    const Four right = load_fours<true>(y + d, forward.head_size - d);
    for (int c = 0; c < 4; ++c) sum += rounded_to_bf16(left.at[c]) * right.at[c];
  }
  sum = shared_sum<kGroup>(sum);
  if (!y || place_in_group() > 0) return;
  tile.dy_y[i] = sum;
  tile.log_sum[i] = forward.log_sum[(at.first_query + at.query + i) * forward.heads + at.head];
}

// The warp's 16 by 16 of the tile's p and ds, with zeros beyond the sequence, to memory.
template <int kDepth>
__device__ void write_scores(GradientTile<kDepth>& tile, const AttentionArgs& forward,
                             const TileCoords& at, const WarpPlace& of, real* __restrict__ to_p,
                             real* __restrict__ to_ds) {
  const PartScores s = part_scores(tile.scores, forward, at, of.a, of.b, tile.band[of.warp]);
  PartScores g{};
  add_row_products(g.half, tile.dy, kPart * of.a, tile.v, kPart * of.b, kDepth);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int i = kPart * of.a + fragment_row(2 * r);
    const uint32_t kept = kept_keys<kGroup>(forward, at, at.query + i, kPart * of.b, kPart);
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      const int first = kPart * of.b + kMmaColumns * n + fragment_column(0);
      Two p{}, ds{};
      for (int c = 0; c < 2; ++c) {
        const int j = first + c, e = 2 * r + c;
        if (i >= tile_queries(at) || j >= tile_keys(at)) continue;
        const float score = math::exp(forward.scale * s.half[n].at[e] - tile.log_sum[i]);
        ds.at[c] =
            forward.scale * score * (dropped_key(forward, kept, j, g.half[n].at[e]) - tile.dy_y[i]);
        p.at[c] = dropped_key(forward, kept, j, score);
      }
      *reinterpret_cast<Two*>(to_p + kTile * i + first) = p;
      *reinterpret_cast<Two*>(to_ds + kTile * i + first) = ds;
    }
  }
}

// Grid: (sequences * tiles of queries, heads). As many blocks are asked for on a multiprocessor as
// shared memory has room for, here and below: the compiler then uses the registers that are free.
template <int kDepth>
__global__ void __launch_bounds__(kThreads, 4)
    bf16_scores_kernel(AttentionBackwardArgs args, GradientPlan plan) {
  GradientTile<kDepth>& tile = *dynamic_shared<GradientTile<kDepth>>();
  const AttentionArgs& forward = args.forward;
  if (!forward.first_query_only) clear_idle_rows(forward, args.dq);
  clear_idle_rows(forward, args.dk);
  clear_idle_rows(forward, args.dv);
  const int64_t tiles = forward.first_query_only ? 1 : plan.tiles, sequence = blockIdx.x / tiles;
  TileCoords at = block_coords(forward, tiles);
  if (at.query >= at.queries) return;
  const WarpPlace of = warp_place();
  load_query_side(tile, args, at);
  for (; at.key < at.length; at.key += kTile) {
    load_keys<kThreads>(tile.scores.k, forward, at, forward.k);
    load_keys<kThreads>(tile.v, forward, at, forward.v);
    load_tables<kThreads>(tile.scores, forward, at);
    __syncthreads();
    write_scores(tile, forward, at, of, tile_of(plan.p, forward, plan, sequence, at),
                 tile_of(plan.ds, forward, plan, sequence, at));
    __syncthreads();
  }
}

// sum[n] += left (16, 16) times rows [row, row + 16), columns [column + 8n, column + 8n + 8) of x.
template <int kCount, typename Element, typename Rows>
__device__ void add_product(FragmentC (&sum)[kCount], const Element& left, const Rows& x, int row,
                            int column) {
  const SplitA a = split_a(left);
#pragma unroll
  for (int n = 0; n < kCount; ++n) mma(sum[n], a, fragment_b(x, row, column + kMmaColumns * n));
}

// Stores 16 rows of a gradient. row_of(r) returns where row r of the head begins, or null to skip
// it. `column` is the first column.
template <int kCount, typename RowOf>
__device__ void store_rows(const FragmentC (&sum)[kCount], const RowOf& row_of, int column,
                           int64_t head_size) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    real* row = const_cast<real*>(row_of(fragment_row(2 * r)));
    if (!row) continue;
#pragma unroll
    for (int n = 0; n < kCount; ++n) {
      const int place = column + kMmaColumns * n + fragment_column(0);
      if (place >= head_size) continue;
      *reinterpret_cast<Two*>(row + place) = {sum[n].at[2 * r], sum[n].at[2 * r + 1]};
    }
  }
}

// 16 rows and half of the columns of a gradient: what a warp owns of dq, dk and dv.
template <int kDepth>
using HalfRows = FragmentC[kDepth / kParts / kMmaColumns];
template <int kDepth>
__device__ int first_column(const WarpPlace& of) {
  return kDepth / kParts * of.b;
}

// The tile of p or ds, to shared memory.
__device__ void load_weights(TileScores& weights, const real* __restrict__ from) {
#pragma unroll
  for (int i = 0; i < kTileSize / 4 / kThreads; ++i) {
    const int place = 4 * (static_cast<int>(threadIdx.x) + i * kThreads);
    *reinterpret_cast<Four*>(&weights.at[place / kTile][place % kTile]) =
        *reinterpret_cast<const Four*>(from + place);
  }
}

// dq of 32 queries.
template <int kDepth>
__device__ void write_dq(ProductTile<kDepth>& tile, const AttentionBackwardArgs& args,
                         const GradientPlan& plan, const Piece& piece) {
  const AttentionArgs& forward = args.forward;
  const WarpPlace of = warp_place();
  const int first = kPart * of.a, column = first_column<kDepth>(of);
  TileCoords at = tile_coords(forward, piece.sequence, blockIdx.y);
  at.query = int64_t{kTile} * piece.tile;
  if (at.query >= at.queries) return;
  HalfRows<kDepth> dq = {};
  for (; at.key < at.length; at.key += kTile) {
    load_weights(tile.weights, tile_of(plan.ds, forward, plan, piece.sequence, at));
    load_keys<kThreads>(tile.rows, forward, at, forward.k);
    if (forward.position_key) {
      load_table<kThreads>(tile.positions, forward, at, forward.position_key, Next::lower);
    }
    __syncthreads();
    for (int key = 0; key < tile_keys(at); key += kPart) {
      const auto ds = [&](int i, int j) { return tile.weights.at[first + i][key + j]; };
      add_product(dq, ds, tile.rows, key, column);
    }
    // These queries meet the tile's keys at 47 distances: three times 16 rows of the table.
    for (int row = first; forward.position_key && row < first + kTile + kPart; row += kPart) {
      if (!has_distances(at, row)) continue;
      const auto ds = [&](int i, int n) {
        return skewed(tile.weights, first + i, first + i - (row + n) + kMiddle);
      };
      add_product(dq, ds, by_distance(tile.positions, at), row, column);
    }
    __syncthreads();
  }
  store_rows(
      dq, [&](int i) { return query_row(forward, at, args.dq, first + i); }, column,
      forward.head_size);
}

// dk or dv of 32 keys.
template <int kDepth>
__device__ void write_dk_or_dv(ProductTile<kDepth>& tile, const AttentionBackwardArgs& args,
                               const GradientPlan& plan, const Piece& piece) {
  const AttentionArgs& forward = args.forward;
  const WarpPlace of = warp_place();
  const bool of_k = piece.gradient == Gradient::dk, of_table = of_k && forward.position_query;
  const int first = kPart * of.a, column = first_column<kDepth>(of);
  TileCoords at = tile_coords(forward, piece.sequence, blockIdx.y);
  at.key = int64_t{kTile} * piece.tile;
  if (at.key >= at.length) return;
  HalfRows<kDepth> sum = {};
  for (; at.query < at.queries; at.query += kTile) {
    load_weights(tile.weights, tile_of(of_k ? plan.ds : plan.p, forward, plan, piece.sequence, at));
    load_queries<kThreads>(tile.rows, forward, at, of_k ? forward.q : args.dy);
    if (of_table) {
      load_table<kThreads>(tile.positions, forward, at, forward.position_query, Next::higher);
    }
    __syncthreads();
    for (int query = 0; query < tile_queries(at); query += kPart) {
      const auto weight = [&](int j, int i) { return tile.weights.at[query + i][first + j]; };
      add_product(sum, weight, tile.rows, query, column);
    }
    const int begin = kTile - kPart - first;  // row of the smallest distance that these keys meet
    for (int row = begin; of_table && row < begin + kTile + kPart; row += kPart) {
      if (!has_distances(at, row)) continue;
      const auto ds = [&](int j, int n) {
        return skewed(tile.weights, first + j + row + n - kMiddle, first + j);
      };
      add_product(sum, ds, by_distance(tile.positions, at), row, column);
    }
    __syncthreads();
  }
  store_rows(
      sum, [&](int j) { return key_row(forward, at, of_k ? args.dk : args.dv, first + j); }, column,
      forward.head_size);
}

// Both tables' sums for 32 distances of a group: dpk sums up ds times q, dpq ds times k. Warp (a,
// b) owns distances 16a to 16a + 15 of the window, of table b.
template <int kDepth>
__device__ void write_table_sums(ProductTile<kDepth>& tile, const AttentionBackwardArgs& args,
                                 const GradientPlan& plan, const Piece& piece) {
  const AttentionArgs& forward = args.forward;
  const WarpPlace of = warp_place();
  const int first = kPart * of.a;
  real* sums = of.b == 0 ? plan.of_key : plan.of_query;
  FragmentC sum[kDepth / kMmaColumns] = {};
  for_each_tile(forward, plan, piece, [&](int64_t sequence, const TileCoords& at, bool below) {
    load_weights(tile.weights, tile_of(plan.ds, forward, plan, sequence, at));
    load_queries<kThreads>(tile.rows, forward, at, forward.q);
    load_keys<kThreads>(tile.more_rows, forward, at, forward.k);
    __syncthreads();
    const int nearest = first - (below ? kTile : 0);
    if (sums && of.b == 0) {
      for (int row = 0; row < tile_queries(at); row += kPart) {
        const auto ds = [&](int n, int i) {
          return skewed(tile.weights, row + i, row + i - (nearest + n));
        };
        add_product(sum, ds, tile.rows, row, 0);
      }
    } else if (sums) {
      for (int row = 0; row < tile_keys(at); row += kPart) {
        const auto ds = [&](int n, int j) {
          return skewed(tile.weights, row + j + nearest + n, row + j);
        };
        add_product(sum, ds, tile.more_rows, row, 0);
      }
    }
    __syncthreads();
  });
  if (!sums) return;
  store_rows(
      sum, [&](int n) { return window_row(forward, piece, sums, first + n); }, 0,
      forward.head_size);
}

// Grid: (pieces, heads).
template <int kDepth>
__global__ void __launch_bounds__(kThreads, kDepth > 64 ? 3 : 5)
    bf16_products_kernel(AttentionBackwardArgs args, GradientPlan plan) {
  ProductTile<kDepth>& tile = *dynamic_shared<ProductTile<kDepth>>();
  const Piece piece = block_piece(args.forward, plan);
  if (piece.gradient == Gradient::dq) {
    write_dq(tile, args, plan, piece);
  } else if (piece.gradient == Gradient::tables) {
    write_table_sums(tile, args, plan, piece);
  } else {
    write_dk_or_dv(tile, args, plan, piece);
  }
}

}  // namespace

void attention_backward_bf16(const AttentionBackwardArgs& args) {
  const AttentionArgs& forward = args.forward;
  const unsigned heads = grid_size(forward.heads);
  with_depth(forward.head_size, [&](auto depth) {
    using Products = ProductTile<depth()>;
    const bool tables = forward.position_key || forward.position_query;
    const size_t bytes = tables ? sizeof(Products) : offsetof(Products, more_rows);
    with_gradient_plan(
        args,
        [&](const GradientPlan& plan, int64_t blocks) {
          launch(bf16_scores_kernel<depth()>, dim3(grid_size(blocks), heads), kThreads,
                 shared_bytes<GradientTile<depth()>>(forward), args, plan);
        },
        [&](const GradientPlan& plan, int64_t blocks) {
          launch(bf16_products_kernel<depth()>, dim3(grid_size(blocks), heads), kThreads, bytes,
                 args, plan);
        });
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
