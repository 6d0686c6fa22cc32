// Attention backward on tensor cores: the scores. The formulas are those of attention_backward.cu;
// attention_gradients.cuh has the plan, attention_bf16.cuh the tile. A block has four warps and
// owns 32 queries. It walks the keys, 32 at a time. Each warp computes 16 by 16 of the tile's p and
// ds and writes them to memory, split into two bf16 parts.
#include "core/kernels/attention/attention_bf16_gradients.cuh"
#include "core/kernels/linear/round_bf16.h"

namespace soragrad::kernels {
namespace {

// Operands of the scores.
template <int kDepth>
struct GradientTile {
  Bf16Rows<kTile, kDepth> dy, v;
  BandScratch band[kWarps];
  float log_sum[kTile], dy_y[kTile];  // of each query; dy_y is dy_i . y_i
  Bf16ScoreTile<kDepth> scores;
};

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
// shared memory has room for: the compiler then uses the registers that are free.
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

}  // namespace

void bf16_scores(const AttentionBackwardArgs& args, const GradientPlan& plan, int64_t blocks) {
  const dim3 grid(grid_size(blocks), grid_size(args.forward.heads));
  with_depth(args.forward.head_size, [&](auto depth) {
    launch(bf16_scores_kernel<depth()>, grid, kThreads,
           shared_bytes<GradientTile<depth()>>(args.forward), args, plan);
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
