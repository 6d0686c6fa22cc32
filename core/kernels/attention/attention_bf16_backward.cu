// Attention backward on tensor cores: gradients, blocks and the order of sums as in
// attention_backward.cu. Four warps have 16 by 16 scores each of a tile of 32 by 32, write p and ds
// to shared memory in fp32, and then divide the gradients: each is a product whose left side is p,
// ds or a skewed ds,
//   dq_i = sum_j ds(i, j) k_j + sum_n ds(i, i - n + 31) pk[n]    n: rows of the tables in the tile,
//   dk_j = sum_i ds(i, j) q_i + sum_n ds(j + n - 31, j) pq[n]    for distances n - 31
//   dpk[n] = sum_i ds(i, i - n + 31) q_i,   dpq[n] = sum_j ds(j + n - 31, j) k_j
// read from there in the shape it is wanted in, split in two bf16 parts, zeros beyond the tile.
#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_distances.cuh"
#include "core/kernels/linear/round_bf16.h"

namespace soragrad::kernels {
namespace {

constexpr int kParts = kTile / kPart;  // along queries, and along keys
constexpr int kWarps = kParts * kParts;
constexpr int kMiddle = kTile - 1;  // row of distance 0 where queries and keys begin alike

// (query, key) of a tile.
struct TileScores {
  float at[kTile][kTile + 4];
};

template <int kDepth>
struct BackwardTile {
  Bf16Rows<kTile, kDepth> dy, v;
  TileScores p, ds;  // p after dropout
  BandScratch band[kWarps];
  float log_sum[kTile], dy_y[kTile];  // of the queries
  Bf16ScoreTile<kDepth> scores;
};

// The thread's warp, and the part of the scores, or of a gradient's rows and columns, it has.
struct WarpPlace {
  int warp, a, b;
};
__device__ WarpPlace warp_place() {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  return {warp, warp % kParts, warp / kParts};
}

template <int kDepth>
__device__ void load_query_side(BackwardTile<kDepth>& tile, const AttentionBackwardArgs& args,
                                const TileCoords& at) {
  const AttentionArgs& forward = args.forward;
  load_queries(tile.scores.q, forward, at, forward.q);
  load_queries(tile.dy, forward, at, args.dy);
  // Four threads a query.
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

// Fills tile.p and tile.ds; zeros beyond the sequence.
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

// row_of(r): where row r of the 16 stands, or null. Adds to it, or overwrites it where first.
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

__device__ float skewed(const TileScores& ds, int i, int j) {
  return i >= 0 && i < kTile && j >= 0 && j < kTile ? ds.at[i][j] : 0.0f;
}

// A warp's half of the columns of a gradient's 16 rows.
template <int kDepth>
using HalfRows = FragmentC[kDepth / kParts / kMmaColumns];
template <int kDepth>
__device__ int first_column(const WarpPlace& of) {
  return kDepth / kParts * of.b;
}

// Of queries 16a and on.
template <int kDepth>
__device__ void add_dq(HalfRows<kDepth>& dq, const BackwardTile<kDepth>& tile,
                       const AttentionArgs& forward, const TileCoords& at, const WarpPlace& of) {
  const int first = kPart * of.a, column = first_column<kDepth>(of);
  for (int key = 0; key < tile_keys(at); key += kPart) {
    const auto ds = [&](int i, int j) { return tile.ds.at[first + i][key + j]; };
    add_product(dq, ds, tile.scores.k, key, column);
  }
  if (!forward.position_key) return;
  for (int row = first; row < first + kTile + kPart; row += kPart) {  // of the table in the tile
    if (!has_distances(at, row)) continue;
    const auto ds = [&](int i, int n) {
      return skewed(tile.ds, first + i, first + i - (row + n) + kMiddle);
    };
    add_product(dq, ds, by_distance(tile.scores.key, at), row, column);
  }
}

// Of keys 16a and on.
template <int kDepth>
__device__ void add_dk(HalfRows<kDepth>& dk, const BackwardTile<kDepth>& tile,
                       const AttentionArgs& forward, const TileCoords& at, const WarpPlace& of) {
  const int first = kPart * of.a, column = first_column<kDepth>(of);
  for (int query = 0; query < tile_queries(at); query += kPart) {
    const auto ds = [&](int j, int i) { return tile.ds.at[query + i][first + j]; };
    add_product(dk, ds, tile.scores.q, query, column);
  }
  if (!forward.position_query) return;
  const int begin = kTile - kPart - first;  // row of the nearest distance that these keys have
  for (int row = begin; row < begin + kTile + kPart; row += kPart) {
    if (!has_distances(at, row)) continue;
    const auto ds = [&](int j, int n) {
      return skewed(tile.ds, first + j + row + n - kMiddle, first + j);
    };
    add_product(dk, ds, by_distance(tile.scores.query, at), row, column);
  }
}

template <int kDepth>
__device__ void add_dv(HalfRows<kDepth>& dv, const BackwardTile<kDepth>& tile, const TileCoords& at,
                       const WarpPlace& of) {
  for (int query = 0; query < tile_queries(at); query += kPart) {
    const auto p = [&](int j, int i) { return tile.p.at[query + i][kPart * of.a + j]; };
    add_product(dv, p, tile.dy, query, first_column<kDepth>(of));
  }
}

// Adds the tile's part of the tables' gradients to the sums by distance; a warp has 16 distances.
template <int kDepth>
__device__ void add_table_gradients(const BackwardTile<kDepth>& tile, const AttentionArgs& args,
                                    const TileCoords& at, const WarpPlace& of,
                                    const DistanceSums& sums) {
  static_assert(kRun == kWarps * kPart);
  constexpr int kColumns = kDepth < 64 ? kDepth : 64;  // at a time: 32 registers of sums
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

// Block x is a group: sequences x, x + groups, ...; y a head.
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
        __syncthreads();  // also between sums by distance of two tiles
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
