// Attention backward on tensor cores. The formulas, the blocks (one head of a group of sequences)
// and the order of tiles are those of attention_backward.cu; attention_bf16.cuh has the tile.
//
// A block has four warps. Step 1: each computes 16 by 16 of the tile's scores and writes p and ds
// to shared memory, in fp32. Step 2, after a barrier: every gradient is a product whose left
// operand is read from there in the shape it needs, p or ds as stored, transposed, or skewed by
// distance. Row n of a table is the tile's distance n - 31:
//   dv_j   = sum over i of p(i, j) dy_i
//   dq_i   = sum over j of ds(i, j) k_j  +  sum over n of ds(i, i - n + 31) pk[n]
//   dk_j   = sum over i of ds(i, j) q_i  +  sum over n of ds(j + n - 31, j) pq[n]
//   dpk[n] = sum over i of ds(i, i - n + 31) q_i
//   dpq[n] = sum over j of ds(j + n - 31, j) k_j
// Elements outside of the tile count as 0. Left operands are split into two bf16 parts.
//
// In step 2 warp (a, b) owns rows 16a to 16a + 15 and half b of the columns of dq, dk and dv; for
// the tables' gradients warp w owns 16 of the 64 distances. dq stays in registers over all keys;
// dk, dv and the sums by distance are added to global memory tile by tile. Every element has one
// owner and one order of sums, so two runs give the same bits.
#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_distances.cuh"
#include "core/kernels/linear/round_bf16.h"

namespace soragrad::kernels {
namespace {

constexpr int kParts = kTile / kPart;  // parts along the queries, and along the keys
constexpr int kWarps = kParts * kParts;
constexpr int kMiddle = kTile - 1;  // the tile's distance n - 31 is row n = distance + kMiddle

// p or ds of a tile, (query, key).
struct TileScores {
  float at[kTile][kTile + 4];
};

template <int kDepth>
struct BackwardTile {
  Bf16Rows<kTile, kDepth> dy, v;
  TileScores p, ds;  // p after dropout
  BandScratch band[kWarps];
  float log_sum[kTile], dy_y[kTile];  // of each query; dy_y is dy_i . y_i
  Bf16ScoreTile<kDepth> scores;
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
__device__ void load_query_side(BackwardTile<kDepth>& tile, const AttentionBackwardArgs& args,
                                const TileCoords& at) {
  const AttentionArgs& forward = args.forward;
  load_queries(tile.scores.q, forward, at, forward.q);
  load_queries(tile.dy, forward, at, args.dy);
  // Four threads share a query. dy is rounded as the products' operand is, so that sum over j of
  // p g equals this dot product.
  const int i = static_cast<int>(threadIdx.x) / kGroup;
  const real* y = query_row(forward, at, forward.y, i);
  const real* dy = query_row(forward, at, args.dy, i);
  float sum = 0;
  for (int64_t d = 4 * place_in_group(); y && d < forward.head_size; d += 4 * kGroup) {
    const Four left = load_four(dy, d, forward.head_size);
    const Four right = load_four(y, d, forward.head_size);
    for (int c = 0; c < 4; ++c) sum += rounded_to_bf16(left.at[c]) * right.at[c];
  }
  sum = shared_sum<kGroup>(sum);
  if (!y || place_in_group() > 0) return;
  tile.dy_y[i] = sum;
  tile.log_sum[i] = forward.log_sum[(at.first_query + at.query + i) * forward.heads + at.head];
}

// Step 1: the warp's 16 by 16 of tile.p and tile.ds, with zeros beyond the sequence. Ends without a
// barrier.
template <int kDepth>
__device__ void score_gradients(BackwardTile<kDepth>& tile, const AttentionArgs& forward,
                                const TileCoords& at, const WarpPlace& of) {
  const PartScores s = part_scores(tile.scores, forward, at, of.a, of.b, tile.band[of.warp]);
  PartScores g{};
  add_row_products(g.half, tile.dy, kPart * of.a, tile.v, kPart * of.b, kDepth);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int i = kPart * of.a + fragment_row(2 * r);
    const uint32_t kept = kept_keys<kGroup>(forward, at, at.query + i, kPart * of.b, kPart);
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      for (int c = 0; c < 2; ++c) {
        const int j = kPart * of.b + kMmaColumns * n + fragment_column(c), e = 2 * r + c;
        float p = 0, ds = 0;
        if (i < tile_queries(at) && j < tile_keys(at)) {
          p = math::exp(forward.scale * s.half[n].at[e] - tile.log_sum[i]);
          ds = forward.scale * p * (dropped_key(forward, kept, j, g.half[n].at[e]) - tile.dy_y[i]);
        }
        tile.p.at[i][j] = dropped_key(forward, kept, j, p);
        tile.ds.at[i][j] = ds;
      }
    }
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

// Adds the fragments to memory, or overwrites it if `first`. row_of(r) returns where row r of the
// 16 begins, or null to skip it. `column` is the first column.
template <int kCount, typename RowOf>
__device__ void add_to_rows(const FragmentC (&sum)[kCount], const RowOf& row_of, int column,
                            int64_t head_size, bool first) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    real* row = row_of(fragment_row(2 * r));
    if (!row) continue;
#pragma unroll
    for (int n = 0; n < kCount; ++n) {
      for (int c = 0; c < 2; ++c) {
        const int64_t place = column + kMmaColumns * n + fragment_column(c);
        if (place >= head_size) continue;
        row[place] = sum[n].at[2 * r + c] + (first ? 0 : row[place]);
      }
    }
  }
}

// ds(i, j), or 0 outside of the tile.
__device__ float skewed(const TileScores& ds, int i, int j) {
  return i >= 0 && i < kTile && j >= 0 && j < kTile ? ds.at[i][j] : 0.0f;
}

// 16 rows and half of the columns of a gradient: what a warp owns of dq, dk and dv.
template <int kDepth>
using HalfRows = FragmentC[kDepth / kParts / kMmaColumns];
template <int kDepth>
__device__ int first_column(const WarpPlace& of) {
  return kDepth / kParts * of.b;
}

// Adds the tile's part to dq of the queries 16a to 16a + 15.
template <int kDepth>
__device__ void add_dq(HalfRows<kDepth>& dq, const BackwardTile<kDepth>& tile,
                       const AttentionArgs& forward, const TileCoords& at, const WarpPlace& of) {
  const int first = kPart * of.a, column = first_column<kDepth>(of);
  for (int key = 0; key < tile_keys(at); key += kPart) {
    const auto ds = [&](int i, int j) { return tile.ds.at[first + i][key + j]; };
    add_product(dq, ds, tile.scores.k, key, column);
  }
  if (!forward.position_key) return;
  // These queries meet the tile's keys at 47 distances: three times 16 rows of the table.
  for (int row = first; row < first + kTile + kPart; row += kPart) {
    if (!has_distances(at, row)) continue;
    const auto ds = [&](int i, int n) {
      return skewed(tile.ds, first + i, first + i - (row + n) + kMiddle);
    };
    add_product(dq, ds, by_distance(tile.scores.key, at), row, column);
  }
}

// Adds the tile's part to dk of the keys 16a to 16a + 15.
template <int kDepth>
__device__ void add_dk(HalfRows<kDepth>& dk, const BackwardTile<kDepth>& tile,
                       const AttentionArgs& forward, const TileCoords& at, const WarpPlace& of) {
  const int first = kPart * of.a, column = first_column<kDepth>(of);
  for (int query = 0; query < tile_queries(at); query += kPart) {
    const auto ds = [&](int j, int i) { return tile.ds.at[query + i][first + j]; };
    add_product(dk, ds, tile.scores.q, query, column);
  }
  if (!forward.position_query) return;
  const int begin = kTile - kPart - first;  // row of the smallest distance that these keys meet
  for (int row = begin; row < begin + kTile + kPart; row += kPart) {
    if (!has_distances(at, row)) continue;
    const auto ds = [&](int j, int n) {
      return skewed(tile.ds, first + j + row + n - kMiddle, first + j);
    };
    add_product(dk, ds, by_distance(tile.scores.query, at), row, column);
  }
}

// Adds the tile's part to dv of the keys 16a to 16a + 15.
template <int kDepth>
__device__ void add_dv(HalfRows<kDepth>& dv, const BackwardTile<kDepth>& tile, const TileCoords& at,
                       const WarpPlace& of) {
  for (int query = 0; query < tile_queries(at); query += kPart) {
    const auto p = [&](int j, int i) { return tile.p.at[query + i][kPart * of.a + j]; };
    add_product(dv, p, tile.dy, query, first_column<kDepth>(of));
  }
}

// Adds the tile's part of the tables' gradients to the sums by distance. Warp w owns the tile's
// distances [16w, 16w + 16) - 31 and all columns.
template <int kDepth>
__device__ void add_table_gradients(const BackwardTile<kDepth>& tile, const AttentionArgs& args,
                                    const TileCoords& at, const WarpPlace& of,
                                    const DistanceSums& sums) {
  static_assert(kRun == kWarps * kPart);
  constexpr int kColumns = kDepth < 64 ? kDepth : 64;  // at a time, to bound registers: 32 of sums
  const int first = kPart * of.warp;
  if (!has_distances(at, first)) return;
  const auto add = [&](real* table, const auto& rows, int count, const auto& ds) {
    for (int column = 0; table && column < kDepth; column += kColumns) {
      FragmentC sum[kColumns / kMmaColumns] = {};
      for (int row = 0; row < count; row += kPart) {
        add_product(
            sum, [&](int n, int m) { return ds(first + n - kMiddle, row + m); }, rows, row, column);
      }
      const auto row_of = [&](int n) -> real* {
        const int64_t entry = distance_entry(args, at, first + n);
        return entry < 0 ? nullptr : table + entry * args.heads * args.head_size + at.column;
      };
      add_to_rows(sum, row_of, column, args.head_size, false);
    }
  };
  add(sums.key, tile.scores.q, tile_queries(at),
      [&](int distance, int i) { return skewed(tile.ds, i, i - distance); });
  add(sums.query, tile.scores.k, tile_keys(at),
      [&](int distance, int j) { return skewed(tile.ds, j + distance, j); });
}

// Grid: (groups, heads). Group x has the sequences x, x + groups, x + 2 groups, ...
template <int kDepth>
__global__ void attention_bf16_backward_kernel(AttentionBackwardArgs args, DistanceSums sums) {
  BackwardTile<kDepth>& tile = *dynamic_shared<BackwardTile<kDepth>>();
  const AttentionArgs& forward = args.forward;
  if (!forward.first_query_only) clear_idle_rows(forward, args.dq);
  clear_idle_rows(forward, args.dk);
  clear_idle_rows(forward, args.dv);
  sums.go_to_group(forward, blockIdx.x);
  const WarpPlace of = warp_place();
  const int column = first_column<kDepth>(of);
  for (int64_t sequence = blockIdx.x; sequence < forward.sequences; sequence += gridDim.x) {
    TileCoords at = tile_coords(forward, sequence, blockIdx.y);
    const auto row_of_query = [&](int i) {
      return const_cast<real*>(query_row(forward, at, args.dq, kPart * of.a + i));
    };
    const auto row_of_key = [&](real* x) {
      return [=, &forward, &at](int j) {
        return const_cast<real*>(key_row(forward, at, x, kPart * of.a + j));
      };
    };
    for (at.query = 0; at.query < at.queries; at.query += kTile) {
      load_query_side(tile, args, at);
      HalfRows<kDepth> dq = {};
      for (at.key = 0; at.key < at.length; at.key += kTile) {
        load_keys(tile.scores.k, forward, at, forward.k);
        load_keys(tile.v, forward, at, forward.v);
        load_tables(tile.scores, forward, at);
        __syncthreads();
        score_gradients(tile, forward, at, of);
        __syncthreads();
        HalfRows<kDepth> dk = {}, dv = {};
        add_dq(dq, tile, forward, at, of);
        add_dk(dk, tile, forward, at, of);
        add_dv(dv, tile, at, of);
        add_to_rows(dk, row_of_key(args.dk), column, forward.head_size, at.query == 0);
        add_to_rows(dv, row_of_key(args.dv), column, forward.head_size, at.query == 0);
        add_table_gradients(tile, forward, at, of, sums);
        // The next tile overwrites the operands, and its sums by distance go to rows that other
        // warps have just added to.
        __syncthreads();
      }
      add_to_rows(dq, row_of_query, column, forward.head_size, true);
    }
  }
}

}  // namespace

void attention_backward_bf16(const AttentionBackwardArgs& args) {
  with_distance_sums(args, [&](int64_t groups, const DistanceSums& sums) {
    const dim3 grid(grid_size(groups), grid_size(args.forward.heads));
    with_depth(args.forward.head_size, [&](auto depth) {
      launch(attention_bf16_backward_kernel<depth()>, grid, kWarps * kWarp,
             shared_bytes<BackwardTile<depth()>>(args.forward), args, sums);
    });
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
