// A block has a head of a group of sequences and walks their tiles of 32 queries by 32 keys in
// order, so that every gradient has one writer and one order of sums, without atomics:
//   p = exp(score - log_sum),  g = dropout(dy v^T),  ds = scale p (g - dy.y)   (dy.y = sum_j p g)
//   dv_j = sum_i dropout(p)(i, j) dy_i
//   dq_i = sum_j ds(i, j) (k_j + pk[i - j])      dpk[d] = sum of ds(i, i - d) q_i
//   dk_j = sum_i ds(i, j) (q_i + pq[i - j])      dpq[d] = sum of ds(j + d, j) k_j
// Scores are computed once. The tables' gradients are summed by distance, a group apart, then over
// the groups and over the distances of each row of the table.
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

// Of a thread's rows, which 8 threads share.
struct RowState {
  real log_sum[kPatch];
  real dy_y[kPatch];
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

__device__ void load_all(BackwardTile& tile, const AttentionBackwardArgs& args,
                         const TileCoords& at, int64_t chunk) {
  const AttentionArgs& forward = args.forward;
  load_scores(tile.scores, forward, at, chunk);
  load_rows(tile.dy, chunk, forward.head_size,
            [&](int n) { return query_row(forward, at, args.dy, n); });
  load_rows(tile.v, chunk, forward.head_size,
            [&](int n) { return key_row(forward, at, forward.v, n); });
}

// Fills tile.p and tile.ds; zeros beyond the sequence.
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

// Adds the tile's part to dq, dk and dv; the first tile of a row or column overwrites.
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

// Adds the tile's part of one table's gradient to sums (2 max_length - 1, hidden): 64 distances,
// 32 at a time. weight(distance, n) is ds where row n of `rows` meets the distance.
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

// Block x is a group: sequences x, x + groups, ...; y a head.
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
          __syncthreads();  // also between sums by distance of two tiles
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
