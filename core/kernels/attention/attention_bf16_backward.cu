// Attention backward on tensor cores. The formulas are those of attention_backward.cu;
// attention_gradients.cuh has the plan, attention_bf16.cuh the tile. A block has four warps.
//
// Scores: each warp computes 16 by 16 of the tile's p and ds and writes them to memory, split into
// two bf16 parts.
//
// Products: a warp's left operand is read from a tile of p or ds in shared memory: as stored,
// transposed, or skewed. A tile that is skewed has a column for each distance i - j = m - 32, a row
// for each query or for each key, and zeros where the tile has no such pair. With n = m - 1, row n
// of a table is the tile's distance n - 31:
//   dv_j   = sum over i of p(i, j) dy_i
//   dq_i   = sum over j of ds(i, j) k_j  +  sum over m of by_query(i, m) pk[m - 1]
//   dk_j   = sum over i of ds(i, j) q_i  +  sum over m of by_key(j, m) pq[m - 1]
//   dpk[m - 1] = sum over i of by_query(i, m) q_i,   dpq[m - 1] = sum over j of by_key(j, m) k_j
// Warp (a, b) owns rows 16a to 16a + 15 and half b of the columns of dq, dk or dv; of the tables'
// sums 16 distances of one table. They stay in registers until the end, so every element has one
// owner and one order of sums.
#include <cstddef>

#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_gradients.cuh"
#include "core/kernels/linear/round_bf16.h"

namespace soragrad::kernels {
namespace {

constexpr int kParts = kTile / kPart;  // parts along the queries, and along the keys
constexpr int kWarps = kParts * kParts;
constexpr int kThreads = kWarps * kWarp;

// Numbers in two bf16 parts, high and low.
template <int kColumns>
struct SplitRows {
  Bf16Rows<kTile, kColumns> part[2];
};

// Operands of the scores.
template <int kDepth>
struct GradientTile {
  Bf16Rows<kTile, kDepth> dy, v;
  BandScratch band[kWarps];
  float log_sum[kTile], dy_y[kTile];  // of each query; dy_y is dy_i . y_i
  Bf16ScoreTile<kDepth> scores;
};

// Operands of the products: a tile of p or ds, rows of tokens, and what only models with position
// tables need: a table's ring buffer and the tile skewed.
template <int kDepth>
struct ProductTile {
  SplitRows<kTile> weights;
  Bf16Rows<kTile, kDepth> rows, more_rows;
  Bf16Rows<kRun, kDepth> positions;
  SplitRows<kRun> by_query, by_key;
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

// A tile of p or ds in memory has the size of 32 by 32 floats: its high part, then its low part.
// Stores (i, j) and (i, j + 1).
__device__ void store_split(real* to, int i, int j, const Two& x) {
  const SplitPair pair = split_pair(x.at[0], x.at[1]);
  uint32_t* place = reinterpret_cast<uint32_t*>(to) + (kTile * i + j) / 2;
  place[0] = pair.high;
  place[kTileSize / 2] = pair.low;
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
      store_split(to_p, i, first, p);
      store_split(to_ds, i, first, ds);
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
  const int tiles = forward.first_query_only ? 1 : plan.tiles;
  const int sequence = static_cast<int>(blockIdx.x) / tiles;
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

// Both parts of rows [row, row + 16) and columns [column, column + 16) of x.
template <int kColumns>
__device__ SplitA split_fragment_a(const SplitRows<kColumns>& x, int row, int column) {
  return {fragment_a(x.part[0], row, column), fragment_a(x.part[1], row, column)};
}
// Of their transpose.
template <int kColumns>
__device__ SplitA transposed_split_a(const SplitRows<kColumns>& x, int row, int column) {
  return {transposed_fragment_a(x.part[0], row, column),
          transposed_fragment_a(x.part[1], row, column)};
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

constexpr int kPiece = 8;  // numbers in 16 bytes of bf16
struct alignas(16) Piece8 {
  uint32_t pair[kPiece / 2];
  __device__ uint16_t one(int c) const {
    return static_cast<uint16_t>(pair[c / 2] >> (c % 2 * 16));
  }
};

// Calls call(part, i, j, piece) with all of a tile of p or ds: keys j to j + 7 of query i.
template <typename Call>
__device__ void for_each_piece(const real* __restrict__ from, const Call& call) {
  const auto* pieces = reinterpret_cast<const Piece8*>(from);
  static_assert(kTileSize / kPiece == kThreads);
  const int thread = static_cast<int>(threadIdx.x), j = thread * kPiece;
  const Piece8 both[2] = {pieces[thread], pieces[kThreads + thread]};
#pragma unroll
  for (int part = 0; part < 2; ++part) call(part, j / kTile, j % kTile, both[part]);
}

// As stored, to shared memory.
__device__ inline void store_piece(SplitRows<kTile>& rows, int part, int i, int j,
                                   const Piece8& piece) {
  *reinterpret_cast<Piece8*>(&rows.part[part].pair[i][j / 2]) = piece;
}
// Skewed, by query or by key. The zeros beside the band stay as clear() leaves them.
enum class By { query, key };
template <By by>
__device__ void store_skewed(SplitRows<kRun>& rows, int part, int i, int j, const Piece8& piece) {
#pragma unroll
  for (int c = 0; c < kPiece; ++c) {
    auto* row = reinterpret_cast<uint16_t*>(rows.part[part].pair[by == By::query ? i : j + c]);
    row[i - (j + c) + kTile] = piece.one(c);
  }
}
__device__ void clear(SplitRows<kRun>& rows) {
  auto* pieces = reinterpret_cast<Piece8*>(&rows);
  for (int n = static_cast<int>(threadIdx.x); n < int{sizeof(rows) / sizeof(Piece8)};
       n += kThreads) {
    pieces[n] = {};
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
  at.query = kTile * piece.tile;
  if (at.query >= at.queries) return;
  HalfRows<kDepth> dq = {};
  if (forward.position_key) clear(tile.by_query);
  __syncthreads();
  for (; at.key < at.length; at.key += kTile) {
    for_each_piece(tile_of(plan.ds, forward, plan, piece.sequence, at),
                   [&](int part, int i, int j, const Piece8& ds) {
                     store_piece(tile.weights, part, i, j, ds);
                     if (!forward.position_key) return;
                     store_skewed<By::query>(tile.by_query, part, i, j, ds);
                   });
    load_keys<kThreads>(tile.rows, forward, at, forward.k);
    if (forward.position_key) {
      load_table<kThreads>(tile.positions, forward, at, forward.position_key, Next::lower);
    }
    __syncthreads();
#pragma unroll 1
    for (int key = 0; key < tile_keys(at); key += kPart) {
      mma_rows(dq, split_fragment_a(tile.weights, first, key), tile.rows, key, column);
    }
    // These queries meet the tile's keys at 47 distances: three times 16 rows of the table.
#pragma unroll 1
    for (int m = first; forward.position_key && m < first + kTile + kPart; m += kPart) {
      if (!has_distances(at, m - 1)) continue;
      mma_rows(dq, split_fragment_a(tile.by_query, first, m), by_distance(tile.positions, at),
               m - 1, column);
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
  at.key = kTile * piece.tile;
  if (at.key >= at.length) return;
  HalfRows<kDepth> sum = {};
  if (of_table) clear(tile.by_key);
  __syncthreads();
  for (; at.query < at.queries; at.query += kTile) {
    for_each_piece(tile_of(of_k ? plan.ds : plan.p, forward, plan, piece.sequence, at),
                   [&](int part, int i, int j, const Piece8& weights) {
                     store_piece(tile.weights, part, i, j, weights);
                     if (of_table) store_skewed<By::key>(tile.by_key, part, i, j, weights);
                   });
    load_queries<kThreads>(tile.rows, forward, at, of_k ? forward.q : args.dy);
    if (of_table) {
      load_table<kThreads>(tile.positions, forward, at, forward.position_query, Next::higher);
    }
    __syncthreads();
#pragma unroll 1
    for (int query = 0; query < tile_queries(at); query += kPart) {
      mma_rows(sum, transposed_split_a(tile.weights, query, first), tile.rows, query, column);
    }
    // The distances that these keys meet, as above.
    const int begin = kTile - kPart - first;
#pragma unroll 1
    for (int m = begin; of_table && m < begin + kTile + kPart; m += kPart) {
      if (!has_distances(at, m - 1)) continue;
      mma_rows(sum, split_fragment_a(tile.by_key, first, m), by_distance(tile.positions, at), m - 1,
               column);
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
  clear(tile.by_query);
  clear(tile.by_key);
  __syncthreads();
  for_each_tile(forward, plan, piece, [&](int64_t sequence, const TileCoords& at, bool below) {
    for_each_piece(tile_of(plan.ds, forward, plan, sequence, at),
                   [&](int part, int i, int j, const Piece8& ds) {
                     if (plan.of_key) store_skewed<By::query>(tile.by_query, part, i, j, ds);
                     if (plan.of_query) store_skewed<By::key>(tile.by_key, part, i, j, ds);
                   });
    load_queries<kThreads>(tile.rows, forward, at, forward.q);
    load_keys<kThreads>(tile.more_rows, forward, at, forward.k);
    __syncthreads();
    const int m = first + (below ? 0 : kTile);
    if (sums && of.b == 0) {
#pragma unroll 1
      for (int i = 0; i < tile_queries(at); i += kPart) {
        mma_rows(sum, transposed_split_a(tile.by_query, i, m), tile.rows, i, 0);
      }
    } else if (sums) {
#pragma unroll 1
      for (int j = 0; j < tile_keys(at); j += kPart) {
        mma_rows(sum, transposed_split_a(tile.by_key, j, m), tile.more_rows, j, 0);
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
