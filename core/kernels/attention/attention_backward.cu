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
// A block of 64 threads owns one head of a group of sequences. It walks their tiles of 32 queries
// by 32 keys: sequences, then queries, then keys, each in rising order. Each tile's scores are
// computed once; p and ds go to shared memory (45 KiB with all operands), and every gradient is a
// product with one of them, summed up in global memory. dq of a tile's queries grows over the keys;
// dk and dv grow over the queries.
//
// One block owns every row that it adds to, so there is one order of sums and no atomics: two runs
// give the same bits. The price is that there are no more blocks than groups times heads. Gradients
// of the tables are summed by distance first; attention_distances.cuh has the rest.
#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_distances.cuh"
#include "core/kernels/attention/attention_tile.cuh"
#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

struct BackwardTile {
  ScoreTile scores;
  TileRows<kTile> dy, v;
  TileRows<kTile> p, ds;  // (query, key); p after dropout
};
static_assert(sizeof(BackwardTile) <= kSharedBytes);

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
__device__ void load_all(BackwardTile& tile, const AttentionBackwardArgs& args,
                         const TileCoords& at, int64_t chunk) {
  const AttentionArgs& forward = args.forward;
  load_scores(tile.scores, forward, at, chunk);
  load_rows(tile.dy, chunk, forward.head_size,
            [&](int n) { return query_row(forward, at, args.dy, n); });
  load_rows(tile.v, chunk, forward.head_size,
            [&](int n) { return key_row(forward, at, forward.v, n); });
}

// Fills tile.p and tile.ds, with zeros beyond the sequence. Ends without a barrier.
__device__ void score_gradients(BackwardTile& tile, const AttentionBackwardArgs& args,
                                const TileCoords& at, const RowState& rows) {
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
      real p = 0;
      if (i < tile_queries(at) && j < tile_keys(at)) {
        p = math::exp(forward.scale * s.row[a].at[b] - rows.log_sum[a]);
      }
      tile.p.at[i][j] = dropped_key(forward, kept, j, p);
      tile.ds.at[i][j] =
          forward.scale * p * (dropped_key(forward, kept, j, g.row[a].at[b]) - rows.dy_y[a]);
    }
  }
}

// Adds one chunk of columns of the tile's part to dq, dk and dv. The first tile that meets a row
// overwrites it, so the gradients need not be cleared.
__device__ void add_token_gradients(BackwardTile& tile, const AttentionBackwardArgs& args,
                                    const TileCoords& at, int64_t chunk) {
  const AttentionArgs& forward = args.forward;
  const int column = 4 * patch_x(), middle = kTile - 1;
  const auto of = [&](auto& rows) {
    return [&](int, int n) -> const Four& { return rows.four(n, column); };
  };
  Patch dq{}, dk{}, dv{};
  const auto ds_of_query = [&](int a, int j) { return tile.ds.at[patch_row(a)][j]; };
  add_product(dq, tile_keys(at), ds_of_query, of(tile.scores.k));
  if (forward.position_key) {
    add_product(dq, tile_keys(at), ds_of_query, [&](int a, int j) -> const Four& {
      return tile.scores.key.four(patch_row(a) - j + middle, column);
    });
  }
  const auto ds_of_key = [&](int b, int i) { return tile.ds.at[i][patch_row(b)]; };
  add_product(dk, tile_queries(at), ds_of_key, of(tile.scores.q));
  if (forward.position_query) {
    add_product(dk, tile_queries(at), ds_of_key, [&](int b, int i) -> const Four& {
      return tile.scores.query.four(i - patch_row(b) + middle, column);
    });
  }
  add_product(
      dv, tile_queries(at), [&](int b, int i) { return tile.p.at[i][patch_row(b)]; }, of(tile.dy));
#pragma unroll
  for (int a = 0; a < kPatch; ++a) {
    const int n = patch_row(a);
    const auto add = [&](const real* row, bool first, const Four& x) {
      if (row) add_four(const_cast<real*>(row), chunk + column, forward.head_size, first, x);
    };
    add(query_row(forward, at, args.dq, n), at.key == 0, dq.row[a]);
    add(key_row(forward, at, args.dk, n), at.query == 0, dk.row[a]);
    add(key_row(forward, at, args.dv, n), at.query == 0, dv.row[a]);
  }
}

// Adds one chunk of columns of one table's gradient to sums (2 max_length - 1, hidden): 64
// distances, 32 at a time, four for a thread. `rows` is q or k; weight(distance, n) is the ds of
// its row n at that distance, 0 outside of the tile.
template <typename Weight>
__device__ void add_distances(const AttentionArgs& args, const TileCoords& at, int64_t chunk,
                              TileRows<kTile>& rows, int terms, real* sums, const Weight& weight) {
  const int column = 4 * patch_x();
  for (int begin = 0; begin < kRun; begin += kTile) {
    Patch part{};
    add_product(
        part, terms, [&](int a, int n) { return weight(begin + patch_row(a) - (kTile - 1), n); },
        [&](int, int n) -> const Four& { return rows.four(n, column); });
#pragma unroll
    for (int a = 0; a < kPatch; ++a) {
      const int64_t entry = distance_entry(args, at, begin + patch_row(a));
      if (entry < 0) continue;
      add_four(sums + entry * args.heads * args.head_size + at.column, chunk + column,
               args.head_size, false, part.row[a]);
    }
  }
}

// The same for both tables: dpk sums up ds times q, dpq sums up ds times k.
__device__ void add_table_gradients(BackwardTile& tile, const AttentionArgs& args,
                                    const TileCoords& at, int64_t chunk, const DistanceSums& sums) {
  const auto ds = [&](int i, int j) {
    return i >= 0 && i < kTile && j >= 0 && j < kTile ? tile.ds.at[i][j] : real(0);
  };
  if (sums.key) {
    add_distances(args, at, chunk, tile.scores.q, tile_queries(at), sums.key,
                  [&](int distance, int i) { return ds(i, i - distance); });
  }
  if (sums.query) {
    add_distances(args, at, chunk, tile.scores.k, tile_keys(at), sums.query,
                  [&](int distance, int j) { return ds(j + distance, j); });
  }
}

// Grid: (groups, heads). Group x has the sequences x, x + groups, x + 2 groups, ...
__global__ void attention_backward_kernel(AttentionBackwardArgs args, DistanceSums sums) {
  BackwardTile& tile = *dynamic_shared<BackwardTile>();
  const AttentionArgs& forward = args.forward;
  if (!forward.first_query_only) clear_idle_rows(forward, args.dq);
  clear_idle_rows(forward, args.dk);
  clear_idle_rows(forward, args.dv);
  sums.go_to_group(forward, blockIdx.x);
  for (int64_t sequence = blockIdx.x; sequence < forward.sequences; sequence += gridDim.x) {
    TileCoords at = tile_coords(forward, sequence, blockIdx.y);
    for (at.query = 0; at.query < at.queries; at.query += kTile) {
      const RowState rows = row_state(args, at);
      for (at.key = 0; at.key < at.length; at.key += kTile) {
        score_gradients(tile, args, at, rows);
        for (int64_t chunk = 0; chunk < forward.head_size; chunk += kChunk) {
          load_all(tile, args, at, chunk);
          // This barrier also separates the sums by distance of two tiles: neighbouring tiles share
          // distances, which other threads then add to.
          __syncthreads();
          add_token_gradients(tile, args, at, chunk);
          add_table_gradients(tile, forward, at, chunk, sums);
          __syncthreads();
        }
      }
    }
  }
}

}  // namespace

void attention_backward_cuda(const AttentionBackwardArgs& args) {
  if (args.forward.sequences == 0) return;
  if (args.forward.bf16) return attention_backward_bf16(args);
  with_distance_sums(args, [&](int64_t groups, const DistanceSums& sums) {
    launch(attention_backward_kernel, dim3(grid_size(groups), grid_size(args.forward.heads)),
           kTileThreads, sizeof(BackwardTile), args, sums);
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
