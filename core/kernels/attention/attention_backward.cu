// Attention backward in fp32:
//   p(i, j)  = exp(score(i, j) - log_sum_i)
//   g(i, j)  = dropout(dy_i . v_j)
//   ds(i, j) = scale * p(i, j) * (g(i, j) - dy_i . y_i)
//   dv_j     = sum over i of dropout(p(i, j)) dy_i
//   dq_i     = sum over j of ds(i, j) (k_j + pk[i - j])
//   dk_j     = sum over i of ds(i, j) (q_i + pq[i - j])
//   dpk[d]   = sum over i of ds(i, i - d) q_i
//   dpq[d]   = sum over j of ds(j + d, j) k_j
// The gradient of softmax needs the sum over j of p(i, j) g(i, j). It equals dy_i . y_i, so no row
// of scores must be complete before ds is computed.
//
// attention_gradients.cuh has the plan: a launch for p and ds, one for the products, one for the
// tables. attention_tile.cuh has the tile of a block of 64 threads. The products take 32 columns of
// a head at a time, blockIdx.z; a thread owns 4 by 4 numbers of the result (a Patch) in registers.
#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_gradients.cuh"
#include "core/kernels/attention/attention_tile.cuh"
#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

struct GradientTile {
  ScoreTile scores;
  TileRows<kTile> dy, v;
};
static_assert(sizeof(GradientTile) <= kSharedBytes);

// What backward needs to know of the thread's four queries. The 8 threads that share a query hold
// the same values.
struct RowState {
  real log_sum[kPatch];
  real dy_y[kPatch];  // dy_i . y_i
};

__device__ RowState row_state(const AttentionBackwardArgs& args, const TileCoords& at) {
  const AttentionArgs& forward = args.forward;
  RowState state{};
#pragma unroll
  for (int a = 0; a < kPatch; ++a) {
    const int n = patch_row(a);
    const real* dy = query_row(forward, at, args.dy, n);
    const real* y = query_row(forward, at, forward.y, n);
    real sum = 0;
    for (int64_t d = 4 * patch_x(); dy && d < forward.head_size; d += kChunk) {
      sum = dot(load_four(dy, d, forward.head_size), load_four(y, d, forward.head_size), sum);
    }
    state.dy_y[a] = shared_sum<kSide>(sum);
    if (!dy) continue;
    state.log_sum[a] = forward.log_sum[(at.first_query + at.query + n) * forward.heads + at.head];
  }
  return state;
}

// Loads one chunk of columns of q, k, the tables, dy and v.
__device__ void load_all(GradientTile& tile, const AttentionBackwardArgs& args,
                         const TileCoords& at, int64_t chunk) {
  const AttentionArgs& forward = args.forward;
  load_scores(tile.scores, forward, at, chunk);
  load_rows(tile.dy, chunk, forward.head_size,
            [&](int n) { return query_row(forward, at, args.dy, n); });
  load_rows(tile.v, chunk, forward.head_size,
            [&](int n) { return key_row(forward, at, forward.v, n); });
}

// Writes the tile's p and ds, with zeros beyond the sequence. Ends without a barrier.
__device__ void write_scores(GradientTile& tile, const AttentionBackwardArgs& args,
                             const TileCoords& at, const RowState& rows, real* to_p, real* to_ds) {
  const AttentionArgs& forward = args.forward;
  Patch s{}, g{};
  for (int64_t chunk = 0; chunk < forward.head_size; chunk += kChunk) {
    load_all(tile, args, at, chunk);
    __syncthreads();
    add_scores(tile.scores, forward, s);
    add_dots(tile.dy, tile.v, g);
    __syncthreads();
  }
#pragma unroll
  for (int a = 0; a < kPatch; ++a) {
    const int i = patch_row(a);
    const uint32_t kept = kept_keys<kSide>(forward, at, at.query + i);
    for (int b = 0; b < kPatch; ++b) {
      const int j = patch_x() + kSide * b;
      real p = 0, ds = 0;
      if (i < tile_queries(at) && j < tile_keys(at)) {
        p = math::exp(forward.scale * s.row[a].at[b] - rows.log_sum[a]);
        ds = forward.scale * p * (dropped_key(forward, kept, j, g.row[a].at[b]) - rows.dy_y[a]);
      }
      to_p[kTile * i + j] = dropped_key(forward, kept, j, p);
      to_ds[kTile * i + j] = ds;
    }
  }
}

// Grid: (sequences * tiles of queries, heads).
__global__ void scores_kernel(AttentionBackwardArgs args, GradientPlan plan) {
  GradientTile& tile = *dynamic_shared<GradientTile>();
  const AttentionArgs& forward = args.forward;
  if (!forward.first_query_only) clear_idle_rows(forward, args.dq);
  clear_idle_rows(forward, args.dk);
  clear_idle_rows(forward, args.dv);
  const int64_t tiles = forward.first_query_only ? 1 : plan.tiles, sequence = blockIdx.x / tiles;
  TileCoords at = block_coords(forward, tiles);
  if (at.query >= at.queries) return;
  const RowState rows = row_state(args, at);
  for (; at.key < at.length; at.key += kTile) {
    write_scores(tile, args, at, rows, tile_of(plan.p, forward, plan, sequence, at),
                 tile_of(plan.ds, forward, plan, sequence, at));
  }
}

// Operands of the products: a tile of p or ds, rows of tokens, and rows of a position table.
struct ProductTile {
  TileRows<kTile> weights, rows, more_rows;
  TileRows<kRun> positions;
};

__device__ void load_weights(ProductTile& tile, const real* from) {
  load_rows(tile.weights, 0, kTile, [&](int n) { return from + kTile * n; });
}

// Stores the thread's four rows of a gradient; row_of(n) is where row n of the head begins, or
// null.
template <typename RowOf>
__device__ void store_patch(const Patch& sum, const AttentionArgs& args, int64_t chunk,
                            const RowOf& row_of) {
#pragma unroll
  for (int a = 0; a < kPatch; ++a) {
    real* row = const_cast<real*>(row_of(patch_row(a)));
    if (row) store_four(row, chunk + 4 * patch_x(), args.head_size, sum.row[a]);
  }
}

// One chunk of columns of dq of 32 queries.
__device__ void write_dq(ProductTile& tile, const AttentionBackwardArgs& args,
                         const GradientPlan& plan, const Piece& piece, int64_t chunk) {
  const AttentionArgs& forward = args.forward;
  const int column = 4 * patch_x(), middle = kTile - 1;
  TileCoords at = tile_coords(forward, piece.sequence, blockIdx.y);
  at.query = kTile * piece.tile;
  if (at.query >= at.queries) return;
  Patch dq{};
  for (; at.key < at.length; at.key += kTile) {
    load_weights(tile, tile_of(plan.ds, forward, plan, piece.sequence, at));
    load_rows(tile.rows, chunk, forward.head_size,
              [&](int n) { return key_row(forward, at, forward.k, n); });
    if (forward.position_key) {
      load_positions(tile.positions, forward, at, forward.position_key, chunk);
    }
    __syncthreads();
    const auto ds = [&](int a, int j) { return tile.weights.at[patch_row(a)][j]; };
    add_product(dq, tile_keys(at), ds,
                [&](int, int j) -> const Four& { return tile.rows.four(j, column); });
    if (forward.position_key) {
      add_product(dq, tile_keys(at), ds, [&](int a, int j) -> const Four& {
        return tile.positions.four(patch_row(a) - j + middle, column);
      });
    }
    __syncthreads();
  }
  store_patch(dq, forward, chunk, [&](int n) { return query_row(forward, at, args.dq, n); });
}

// One chunk of columns of dk or dv of 32 keys.
__device__ void write_dk_or_dv(ProductTile& tile, const AttentionBackwardArgs& args,
                               const GradientPlan& plan, const Piece& piece, int64_t chunk) {
  const AttentionArgs& forward = args.forward;
  const int column = 4 * patch_x(), middle = kTile - 1;
  const bool of_k = piece.gradient == Gradient::dk;
  TileCoords at = tile_coords(forward, piece.sequence, blockIdx.y);
  at.key = kTile * piece.tile;
  if (at.key >= at.length) return;
  Patch sum{};
  for (; at.query < at.queries; at.query += kTile) {
    load_weights(tile, tile_of(of_k ? plan.ds : plan.p, forward, plan, piece.sequence, at));
    load_rows(tile.rows, chunk, forward.head_size,
              [&](int n) { return query_row(forward, at, of_k ? forward.q : args.dy, n); });
    const bool of_table = of_k && forward.position_query;
    if (of_table) load_positions(tile.positions, forward, at, forward.position_query, chunk);
    __syncthreads();
    const auto weight = [&](int b, int i) { return tile.weights.at[i][patch_row(b)]; };
    add_product(sum, tile_queries(at), weight,
                [&](int, int i) -> const Four& { return tile.rows.four(i, column); });
    if (of_table) {
      add_product(sum, tile_queries(at), weight, [&](int b, int i) -> const Four& {
        return tile.positions.four(i - patch_row(b) + middle, column);
      });
    }
    __syncthreads();
  }
  store_patch(sum, forward, chunk,
              [&](int n) { return key_row(forward, at, of_k ? args.dk : args.dv, n); });
}

// One chunk of columns of both tables' sums for 32 distances of a group: dpk sums up ds times q,
// dpq ds times k.
__device__ void write_table_sums(ProductTile& tile, const AttentionBackwardArgs& args,
                                 const GradientPlan& plan, const Piece& piece, int64_t chunk) {
  const AttentionArgs& forward = args.forward;
  const int column = 4 * patch_x();
  Patch key{}, query{};
  for_each_tile(forward, plan, piece, [&](int64_t sequence, const TileCoords& at, bool below) {
    load_weights(tile, tile_of(plan.ds, forward, plan, sequence, at));
    load_rows(tile.rows, chunk, forward.head_size,
              [&](int n) { return query_row(forward, at, forward.q, n); });
    load_rows(tile.more_rows, chunk, forward.head_size,
              [&](int n) { return key_row(forward, at, forward.k, n); });
    __syncthreads();
    const auto distance = [&](int a) { return patch_row(a) - (below ? kTile : 0); };
    add_product(
        key, tile_queries(at),
        [&](int a, int i) { return skewed(tile.weights, i, i - distance(a)); },
        [&](int, int i) -> const Four& { return tile.rows.four(i, column); });
    add_product(
        query, tile_keys(at),
        [&](int a, int j) { return skewed(tile.weights, j + distance(a), j); },
        [&](int, int j) -> const Four& { return tile.more_rows.four(j, column); });
    __syncthreads();
  });
  const auto store = [&](const Patch& sum, real* sums) {
    if (!sums) return;
    store_patch(sum, forward, chunk, [&](int n) { return window_row(forward, piece, sums, n); });
  };
  store(key, plan.of_key);
  store(query, plan.of_query);
}

// Grid: (pieces, heads, chunks of columns).
__global__ void products_kernel(AttentionBackwardArgs args, GradientPlan plan) {
  ProductTile& tile = *dynamic_shared<ProductTile>();
  const Piece piece = block_piece(args.forward, plan);
  const int64_t chunk = int64_t{blockIdx.z} * kChunk;
  if (piece.gradient == Gradient::dq) {
    write_dq(tile, args, plan, piece, chunk);
  } else if (piece.gradient == Gradient::tables) {
    write_table_sums(tile, args, plan, piece, chunk);
  } else {
    write_dk_or_dv(tile, args, plan, piece, chunk);
  }
}

}  // namespace

void attention_backward_cuda(const AttentionBackwardArgs& args) {
  if (args.forward.sequences == 0) return;
  if (args.forward.bf16) return attention_backward_bf16(args);
  const unsigned heads = grid_size(args.forward.heads);
  const unsigned chunks = grid_size(ceil_div(args.forward.head_size, kChunk));
  with_gradient_plan(
      args,
      [&](const GradientPlan& plan, int64_t blocks) {
        launch(scores_kernel, dim3(grid_size(blocks), heads), kTileThreads, sizeof(GradientTile),
               args, plan);
      },
      [&](const GradientPlan& plan, int64_t blocks) {
        launch(products_kernel, dim3(grid_size(blocks), heads, chunks), kTileThreads,
               sizeof(ProductTile), args, plan);
      });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
