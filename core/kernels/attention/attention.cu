// Attention forward in fp32. A block of 64 threads owns 32 queries of one (sequence, head) and
// walks the keys 32 at a time in rising order; attention_tile.cuh has the tile.
//
// Per tile of keys: scores go to registers; the running softmax turns them into exp(s - max); these
// go through dropout to shared memory (4.5 KiB beside the 27 KiB of the score tile); then they are
// multiplied with v, 32 columns of the head at a time. y is summed up in global memory, which the
// second-level cache holds: when a tile raises the maximum, the earlier sum is scaled down, and the
// last tile divides by the softmax's sum. No row of scores is ever stored.
//
// A row of y is summed by one block, over keys in rising order, and no atomics are used: two runs
// give the same bits. The cost is 32 * 32 * head_size multiply-adds per tile for each of q k^T, p v
// and the position terms.
#include "core/kernels/attention/attention.h"

#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_tile.cuh"
#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

struct ForwardTile {
  ScoreTile scores;   // once scores are computed, rows of v overwrite those of k
  TileRows<kTile> p;  // (query, key), after dropout
};
static_assert(sizeof(ForwardTile) <= kSharedBytes);

// The thread's scores of the tile, scaled. Keys beyond the sequence get -infinity, so that exp
// gives 0.
__device__ Patch scores_of(ScoreTile& tile, const AttentionArgs& args, const TileCoords& at) {
  Patch s{};
  for (int64_t chunk = 0; chunk < args.head_size; chunk += kChunk) {
    load_scores(tile, args, at, chunk);
    __syncthreads();
    add_scores(tile, args, s);
    __syncthreads();
  }
  for (Four& row : s.row) {
    for (int b = 0; b < kPatch; ++b) {
      row.at[b] = patch_x() + kSide * b < tile_keys(at) ? args.scale * row.at[b] : -INFINITY;
    }
  }
  return s;
}

// y = (y * factor + p v) * inverse, for the tile's keys. The first tile does not read y. `factor`
// and `inverse` have a value for each of the thread's four queries.
__device__ void add_values(ForwardTile& tile, const AttentionArgs& args, const TileCoords& at,
                           const real (&factor)[kPatch], const real (&inverse)[kPatch]) {
  TileRows<kTile>& v = tile.scores.k;
  for (int64_t chunk = 0; chunk < args.head_size; chunk += kChunk) {
    load_rows(v, chunk, args.head_size, [&](int n) { return key_row(args, at, args.v, n); });
    __syncthreads();
    Patch sum{};
    add_product(
        sum, tile_keys(at), [&](int a, int j) { return tile.p.at[patch_row(a)][j]; },
        [&](int, int j) -> const Four& { return v.four(j, 4 * patch_x()); });
    for (int a = 0; a < kPatch; ++a) {
      real* y = const_cast<real*>(query_row(args, at, args.y, patch_row(a)));
      if (!y) continue;
      const int64_t column = chunk + 4 * patch_x();
      if (at.key > 0) {
        const Four before = load_four(y, column, args.head_size);
        for (int c = 0; c < 4; ++c) sum.row[a].at[c] += before.at[c] * factor[a];
      }
      for (real& x : sum.row[a].at) x *= inverse[a];
      store_four(y, column, args.head_size, sum.row[a]);
    }
    __syncthreads();
  }
}

// Grid: (sequences * tiles, heads), `tiles` being the tiles of queries of the longest sequence.
__global__ void attention_kernel(AttentionArgs args, int tiles) {
  ForwardTile& tile = *dynamic_shared<ForwardTile>();
  if (!args.first_query_only) clear_idle_rows(args, args.y);
  TileCoords at = block_coords(args, tiles);
  if (at.query >= at.queries) return;
  RunningSoftmax<kSide> softmax[kPatch];
  for (; at.key < at.length; at.key += kTile) {
    const bool last = at.key + kTile >= at.length;
    Patch p = scores_of(tile.scores, args, at);
    real factor[kPatch], inverse[kPatch];
    for (int a = 0; a < kPatch; ++a) {
      factor[a] = softmax[a].update(p.row[a].at);
      inverse[a] = last ? 1 / softmax[a].sum : real(1);
      const uint32_t kept = kept_keys<kSide>(args, at, at.query + patch_row(a));
      for (int b = 0; b < kPatch; ++b) {
        const int j = patch_x() + kSide * b;
        tile.p.at[patch_row(a)][j] = dropped_key(args, kept, j, p.row[a].at[b]);
      }
    }
    add_values(tile, args, at, factor, inverse);
  }
  for (int a = 0; a < kPatch && args.log_sum && patch_x() == 0; ++a) {
    const int i = at.query + patch_row(a);
    if (i >= at.queries) continue;
    args.log_sum[(at.first_query + i) * args.heads + at.head] =
        softmax[a].max + log(softmax[a].sum);
  }
}

// Where the probabilities of a sequence begin in args.probabilities: a warp adds up the sizes of
// the sequences before it.
__device__ int64_t probability_place(const AttentionArgs& args, int64_t sequence) {
  int64_t before = 0;
  for (int64_t s = lane_index(); s < sequence; s += kWarp) {
    const TileCoords at = tile_coords(args, s, 0);
    before += args.heads * at.queries * at.length;
  }
  return warp_sum(before);
}

// Writes p = exp(score - log_sum) to args.probabilities; runs after attention_kernel, and only for
// callers who look at the probabilities. It computes the scores again.
__global__ void probabilities_kernel(AttentionArgs args, int tiles) {
  ScoreTile& tile = *dynamic_shared<ScoreTile>();
  TileCoords at = block_coords(args, tiles);
  if (at.query >= at.queries) return;
  real* out = args.probabilities + probability_place(args, blockIdx.x / tiles) +
              int64_t{at.head} * at.queries * at.length;
  for (; at.key < at.length; at.key += kTile) {
    const Patch s = scores_of(tile, args, at);
    for (int a = 0; a < kPatch; ++a) {
      const int64_t i = at.query + patch_row(a);
      if (i >= at.queries) continue;
      const real log_sum = args.log_sum[(at.first_query + i) * args.heads + at.head];
      for (int b = 0; b < kPatch; ++b) {
        const int64_t j = at.key + patch_x() + kSide * b;
        if (j < at.length) out[i * at.length + j] = math::exp(s.row[a].at[b] - log_sum);
      }
    }
  }
}

}  // namespace

void attention_cuda(const AttentionArgs& given) {
  if (given.sequences == 0) return;
  if (given.bf16) return attention_bf16(given);
  AttentionArgs args = given;
  const int64_t queries = args.first_query_only ? args.sequences : args.tokens;
  Tensor log_sum;
  if (args.probabilities && !args.log_sum) {
    log_sum = Tensor::empty({queries, args.heads}, kReal, Device::cuda);
    args.log_sum = log_sum.data();
  }
  const int64_t tiles = args.first_query_only ? 1 : ceil_div(args.max_length, kTile);
  const dim3 grid(grid_size(args.sequences * tiles), grid_size(args.heads));
  launch(attention_kernel, grid, kTileThreads, sizeof(ForwardTile), args, tiles);
  if (!args.probabilities) return;
  launch(probabilities_kernel, grid, kTileThreads, sizeof(ScoreTile), args, tiles);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
