// A tile of scores in fp32: 32 queries by 32 keys of one sequence and head, for a block of 64
// threads. Forward and backward are built from it.
//
// Registers: the threads form a grid of 8 x 8. Thread (x, y) owns the 16 scores of the queries
// y + 8a and the keys x + 8b, a and b < 4 (a Patch).
//
// Shared memory: 32 rows of q, 32 rows of k, and for each position table 64 rows in the order of
// the distance. The distances i - j of a tile are a run of 63 successive values, so a row per
// distance replaces all look-ups (distances that share a bucket get a copy each):
//   score(i, j) += q_i . k_j + q_i . pk[i - j] + k_j . pq[i - j]
// The 16 scores of a thread have the distances y - x + 8 (a - b), which are only 7 rows. So a
// position term costs as many multiply-adds as q . k.
//
// The head's columns pass through shared memory in chunks of 32, so any head size fits into 27 KiB.
// A row there takes 36 floats, not 32: eight successive rows then begin in different banks.
//
// Each score is summed over the columns in rising order by one thread, so its bits depend neither
// on the grid nor on the schedule.
#pragma once

#include "core/kernels/attention/attention.h"
#include "core/kernels/cuda.cuh"
#include "core/kernels/math.h"

namespace soragrad::kernels {

constexpr int kTile = 32;              // queries of a tile, and keys of a tile
constexpr int kPatch = 4;              // queries of a thread, and keys of a thread
constexpr int kSide = kTile / kPatch;  // threads along each side of the tile
constexpr int kTileThreads = kSide * kSide;
constexpr int kRun = 2 * kTile;            // distances 1 - kTile ... kTile - 1, and one unused row
constexpr int kChunk = 32;                 // columns of the head in shared memory at a time
constexpr size_t kSharedBytes = 48 << 10;  // every GPU allows a block this much by default

// Rows in shared memory, kChunk columns of each; the 4 more avoid bank conflicts.
template <int kRows>
struct alignas(16) TileRows {
  real at[kRows][kChunk + 4];
  __device__ Four& four(int row, int column) { return reinterpret_cast<Four&>(at[row][column]); }
};

// A thread's 4 x 4 numbers of a tile. Row a is tile row y + 8a. Its four numbers are keys x + 8b
// of scores, or columns 4x + b of a chunk of a result.
// Every loop over a patch must be unrolled (by pragma if nvcc does not do it unasked): registers
// cannot be indexed, so otherwise the patch moves to local memory.
struct Patch {
  Four row[kPatch];
};
__device__ inline int patch_x() {
  return static_cast<int>(threadIdx.x) % kSide;
}
__device__ inline int patch_row(int a) {
  return static_cast<int>(threadIdx.x) / kSide + kSide * a;
}

// The operands of a tile of scores, 27 KiB.
struct ScoreTile {
  TileRows<kTile> q, k;
  TileRows<kRun> key, query;  // position_key, position_query: row n is the tile's distance n - 31
};

// Coordinates of a tile: queries [query, query + 32) and keys [key, key + 32) of one sequence and
// head. The tile's distance n - 31 is query - key + n - 31 in the sequence.
struct TileCoords {
  int64_t first_token, first_query;  // the sequence's first row of k and v; and of q
  int length, queries;               // its rows of k and v; and of q
  int head, column;                  // the head and its first column
  int query, key;                    // first query and key, within the sequence
};

// Coordinates of the first tile. An empty sequence has no query, even with first_query_only.
__device__ inline TileCoords tile_coords(const AttentionArgs& args, int64_t sequence,
                                         int64_t head) {
  TileCoords at{};
  at.first_token = args.offsets[sequence];
  at.length = static_cast<int>(args.offsets[sequence + 1] - at.first_token);
  at.first_query = args.first_query_only ? sequence : at.first_token;
  at.queries = args.first_query_only ? at.length > 0 : at.length;
  at.head = static_cast<int>(head);
  at.column = at.head * static_cast<int>(args.head_size);
  return at;
}

// Coordinates of the block's first tile: blockIdx.x is sequence * tiles + tile of queries,
// blockIdx.y the head.
__device__ inline TileCoords block_coords(const AttentionArgs& args, int tiles) {
  const int block = static_cast<int>(blockIdx.x);
  TileCoords at = tile_coords(args, block / tiles, blockIdx.y);
  at.query = block % tiles * kTile;
  return at;
}

// -- Reductions over the lanes that share a row ---------------------------------------------------
// Sum over kLanes neighbouring lanes, a power of two. Every lane gets the same bits: the butterfly
// adds the same pairs on both sides.
template <int kLanes>
__device__ real shared_sum(real x) {
  for (int offset = kLanes / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(kAllLanes, x, offset);
  }
  return x;
}

// The running softmax of one row of scores, shared by kLanes neighbouring lanes, which hold equal
// values (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018).
template <int kLanes>
struct RunningSoftmax {
  real max = -INFINITY, sum = 0;

  // Takes the lane's kCount scores of the next tile and replaces s by exp(s - max). Returns
  // exp(old max - new max): the factor by which the caller scales its sums of earlier tiles.
  template <int kCount>
  __device__ real update(real (&s)[kCount]) {
    real highest = max;
    for (int b = 0; b < kCount; ++b) highest = s[b] > highest ? s[b] : highest;
    for (int offset = kLanes / 2; offset > 0; offset /= 2) {
      const real other = __shfl_xor_sync(kAllLanes, highest, offset);
      highest = other > highest ? other : highest;
    }
    const real factor = math::exp(max - highest);
    real added = 0;
    for (int b = 0; b < kCount; ++b) {
      s[b] = math::exp(s[b] - highest);
      added += s[b];
    }
    max = highest;
    sum = sum * factor + shared_sum<kLanes>(added);
    return factor;
  }
};

// -- Loading and storing --------------------------------------------------------------------------
// Columns [column, column + 4) of a head's row, zeros beyond the head's end. `column` is a multiple
// of 4.
__device__ inline Four load_four(const real* row, int64_t column, int64_t head_size) {
  return head_size % 4 == 0 ? load_fours<true>(row + column, head_size - column)  // all are aligned
                            : load_fours<false>(row + column, head_size - column);
}

// Stores the four columns that are inside the head.
__device__ inline void store_four(real* row, int64_t column, int64_t head_size, const Four& x) {
  if (head_size % 4 == 0) {
    store_fours<true>(row + column, head_size - column, x);
  } else {
    store_fours<false>(row + column, head_size - column, x);
  }
}

// Fills all rows with columns [chunk, chunk + 32) of the head. row_of(n) returns the head's part of
// row n, or null for a row of zeros. The whole block takes part; the caller sets the barriers.
template <int kRows, typename RowOf>
__device__ void load_rows(TileRows<kRows>& rows, int64_t chunk, int64_t head_size,
                          const RowOf& row_of) {
  for (int n = static_cast<int>(threadIdx.x); n < kRows * kChunk / 4; n += kTileThreads) {
    const int row = n / (kChunk / 4), column = n % (kChunk / 4) * 4;
    const real* source = row_of(row);
    rows.four(row, column) = source ? load_four(source, chunk + column, head_size) : Four{};
  }
}

// Row n of the tile's queries in x (queries, hidden), or of its keys in x (tokens, hidden). Null
// beyond the sequence.
__device__ inline const real* query_row(const AttentionArgs& args, const TileCoords& at,
                                        const real* x, int n) {
  if (at.query + n >= at.queries) return nullptr;
  return x + (at.first_query + at.query + n) * args.heads * args.head_size + at.column;
}
__device__ inline const real* key_row(const AttentionArgs& args, const TileCoords& at,
                                      const real* x, int n) {
  if (at.key + n >= at.length) return nullptr;
  return x + (at.first_token + at.key + n) * args.heads * args.head_size + at.column;
}
// The entry of distance_row for the tile's distance n - 31, or -1 if the sequence has no such
// distance.
__device__ inline int64_t distance_entry(const AttentionArgs& args, const TileCoords& at, int n) {
  const int64_t distance = at.query - at.key + n - (kTile - 1);
  if (distance <= -at.length || distance >= at.queries) return -1;
  return distance + args.max_length - 1;
}

// The row of a position table for the tile's distance n - 31, or null.
__device__ inline const real* position_row(const AttentionArgs& args, const TileCoords& at,
                                           const real* table, int n) {
  const int64_t entry = distance_entry(args, at, n);
  if (entry < 0) return nullptr;
  return table + args.distance_row[entry] * args.heads * args.head_size + at.column;
}

__device__ inline void load_positions(TileRows<kRun>& rows, const AttentionArgs& args,
                                      const TileCoords& at, const real* table, int64_t chunk) {
  load_rows(rows, chunk, args.head_size, [&](int n) { return position_row(args, at, table, n); });
}

// Loads one chunk of columns of everything that scores are computed from.
__device__ inline void load_scores(ScoreTile& tile, const AttentionArgs& args, const TileCoords& at,
                                   int64_t chunk) {
  load_rows(tile.q, chunk, args.head_size, [&](int n) { return query_row(args, at, args.q, n); });
  load_rows(tile.k, chunk, args.head_size, [&](int n) { return key_row(args, at, args.k, n); });
  if (args.position_key) load_positions(tile.key, args, at, args.position_key, chunk);
  if (args.position_query) load_positions(tile.query, args, at, args.position_query, chunk);
}

// Calls call(row) for the idle tokens, which the blocks along x share.
template <typename Call>
__device__ void for_each_idle_row(const AttentionArgs& args, const Call& call) {
  for (int64_t row = args.offsets[args.sequences] + blockIdx.x; row < args.tokens;
       row += gridDim.x) {
    call(row);
  }
}

// Zeros in a row for the columns of a head, that of blockIdx.y.
template <typename T>
__device__ void clear_head(const AttentionArgs& args, T* row) {
  T* of_head = row + blockIdx.y * args.head_size;
  for (int64_t column = threadIdx.x; column < args.head_size; column += blockDim.x) {
    of_head[column] = T{};
  }
}

// Zeros in x (tokens, hidden) for the idle tokens.
__device__ inline void clear_idle_rows(const AttentionArgs& args, real* x) {
  const int64_t hidden = args.heads * args.head_size;
  for_each_idle_row(args, [&](int64_t row) { clear_head(args, x + row * hidden); });
}

// -- Products -------------------------------------------------------------------------------------
__device__ inline real dot(const Four& a, const Four& b, real sum) {
  for (int c = 0; c < 4; ++c) sum += a.at[c] * b.at[c];
  return sum;
}

// sum(a, b) += row y + 8a of left . row x + 8b of right, over the columns in shared memory. Eight
// loads of 16 bytes feed 64 multiply-adds.
__device__ inline void add_dots(TileRows<kTile>& left, TileRows<kTile>& right, Patch& sum) {
  for (int d = 0; d < kChunk; d += 4) {
    Four l[kPatch], r[kPatch];
    for (int a = 0; a < kPatch; ++a) l[a] = left.four(patch_row(a), d);
    for (int b = 0; b < kPatch; ++b) r[b] = right.four(patch_x() + kSide * b, d);
    for (int a = 0; a < kPatch; ++a) {
      for (int b = 0; b < kPatch; ++b) sum.row[a].at[b] = dot(l[a], r[b], sum.row[a].at[b]);
    }
  }
}

enum class Along { queries, keys };

// Along queries: sum(a, b) += q_i . position[i - j]. Along keys: sum(a, b) += k_j . position[i -
// j]. `rows` is q or k. The thread's 16 scores need only 7 rows of the position table.
template <Along along>
__device__ void add_band(TileRows<kTile>& rows, TileRows<kRun>& position, Patch& sum) {
  const int nearest = patch_row(0) - patch_x() + kTile - 1;
  for (int d = 0; d < kChunk; d += 4) {
    Four x[kPatch], band[2 * kPatch - 1];
    for (int a = 0; a < kPatch; ++a) {
      x[a] = rows.four(along == Along::queries ? patch_row(a) : patch_x() + kSide * a, d);
    }
    for (int m = 1 - kPatch; m < kPatch; ++m) {
      band[m + kPatch - 1] = position.four(nearest + kSide * m, d);
    }
    for (int a = 0; a < kPatch; ++a) {
      for (int b = 0; b < kPatch; ++b) {
        sum.row[a].at[b] =
            dot(x[along == Along::queries ? a : b], band[a - b + kPatch - 1], sum.row[a].at[b]);
      }
    }
  }
}

// Adds the chunk's part of all three terms of the scores, not scaled.
__device__ inline void add_scores(ScoreTile& tile, const AttentionArgs& args, Patch& sum) {
  add_dots(tile.q, tile.k, sum);
  if (args.position_key) add_band<Along::queries>(tile.q, tile.key, sum);
  if (args.position_query) add_band<Along::keys>(tile.k, tile.query, sum);
}

// sum.row[a] += sum over n < terms of weight(a, n) * four(a, n).
template <typename Weight, typename Row>
__device__ void add_product(Patch& sum, int terms, const Weight& weight, const Row& four) {
  for (int n = 0; n < terms; ++n) {
#pragma unroll
    for (int a = 0; a < kPatch; ++a) {
      const real w = weight(a, n);
      const Four& x = four(a, n);
      for (int c = 0; c < 4; ++c) sum.row[a].at[c] += w * x.at[c];
    }
  }
}

// How many of the tile's 32 queries, and 32 keys, the sequence has.
__device__ inline int tile_queries(const TileCoords& at) {
  return at.queries - at.query < kTile ? at.queries - at.query : kTile;
}
__device__ inline int tile_keys(const TileCoords& at) {
  return at.length - at.key < kTile ? at.length - at.key : kTile;
}

// -- Dropout --------------------------------------------------------------------------------------
// Bit j of the result is set if dropout keeps key at.key + j of query i, for j in
// [first, first + count), both multiples of 4. kLanes neighbouring lanes call it together with the
// same i: each draws blocks of four words and all get the whole mask.
template <int kLanes>
__device__ uint32_t kept_keys(const AttentionArgs& args, const TileCoords& at, int64_t i,
                              int first = 0, int count = kTile) {
  if (args.drop_threshold == 0) return 0xffffffffu;
  const int64_t row = (at.first_token + i) * args.heads + at.head;
  const uint64_t place = (static_cast<uint64_t>(row) << kAttentionRowBits) + at.key;
  uint32_t kept = 0;
  for (int j = first + lane_index() % kLanes * 4; j < first + count; j += 4 * kLanes) {
    const Philox4 words = philox(args.stream, (place + j) / 4);
    for (int c = 0; c < 4; ++c) {
      kept |= static_cast<uint32_t>(words.bits[c] >= args.drop_threshold) << (j + c);
    }
  }
  for (int offset = kLanes / 2; offset > 0; offset /= 2) {
    kept |= __shfl_xor_sync(kAllLanes, kept, offset);
  }
  return kept;
}

// x / (1 - rate) if the mask keeps key j, else 0.
__device__ inline real dropped_key(const AttentionArgs& args, uint32_t kept, int j, real x) {
  if (args.drop_threshold == 0) return x;
  return kept >> j & 1 ? x * args.keep_scale : real(0);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
