// A tile of scores: 32 queries of a head by 32 keys, for a block of 64 threads.
//
// The distances i - j of a tile are a run of 63 values. Their rows of the position tables stand in
// shared memory by distance, beside the rows of q and k, so that inside the tile nothing is looked
// up: rows that share a bucket stand there twice. A thread has queries y + 8a and keys x + 8b,
// whose distances y - x + 8 (a - b) are 7 of the run:
//   score(i, j) += q_i . k_j + q_i . pk[i - j] + k_j . pq[i - j]
// Only distances in use are multiplied: a position term costs what q.k costs.
//
// Columns of the head pass through shared memory in chunks of 32, so any head size fits. A row
// there is 36 numbers long: 8 rows that follow each other begin in different banks.
#pragma once

#include "core/kernels/attention/attention.h"
#include "core/kernels/cuda.cuh"
#include "core/kernels/math.h"

namespace soragrad::kernels {

constexpr int kTile = 32;              // queries, and keys
constexpr int kPatch = 4;              // of them a thread's
constexpr int kSide = kTile / kPatch;  // threads along each side
constexpr int kTileThreads = kSide * kSide;
constexpr int kRun = 2 * kTile;            // distances 1 - kTile ... kTile - 1, and one to spare
constexpr int kChunk = 32;                 // columns of the head
constexpr size_t kSharedBytes = 48 << 10;  // what every GPU gives a block without being asked

struct alignas(16) Four {
  real at[4];
};

template <int kRows>
struct alignas(16) TileRows {
  real at[kRows][kChunk + 4];
  __device__ Four& four(int row, int column) { return reinterpret_cast<Four&>(at[row][column]); }
};

// A thread's part of a tile: row a is tile row y + 8a; columns are keys x + 8b, or columns 4x + b
// of a chunk.
// Loops over it are unrolled, by pragma where nvcc does not do so by itself: registers cannot be
// indexed, and a patch in memory is slow.
struct Patch {
  Four row[kPatch];
};
__device__ inline int patch_x() {
  return static_cast<int>(threadIdx.x) % kSide;
}
__device__ inline int patch_row(int a) {
  return static_cast<int>(threadIdx.x) / kSide + kSide * a;
}

// What a tile of scores is computed from.
struct ScoreTile {
  TileRows<kTile> q, k;
  TileRows<kRun> key, query;  // rows of the position tables by distance
};

// Where a tile lies: queries [query, query + 32) and keys [key, key + 32) of one sequence and head.
struct TileCoords {
  int64_t first_token, length, first_query, queries;  // of the sequence
  int64_t head, column;                               // the head's first column
  int64_t query, key;                                 // the tile's first
};

__device__ inline TileCoords tile_coords(const AttentionArgs& args, int64_t sequence,
                                         int64_t head) {
  const int64_t first = args.offsets[sequence], length = args.offsets[sequence + 1] - first;
  const int64_t column = head * args.head_size;
  if (args.first_query_only) return {first, length, sequence, length > 0, head, column, 0, 0};
  return {first, length, first, length, head, column, 0, 0};
}

// The block's place: x is a sequence and a tile of queries of it, y a head.
__device__ inline TileCoords block_coords(const AttentionArgs& args, int64_t tiles) {
  TileCoords at = tile_coords(args, blockIdx.x / tiles, blockIdx.y);
  at.query = blockIdx.x % tiles * kTile;
  return at;
}

// -- What lanes that share a row do together ------------------------------------------------------
template <int kLanes>
__device__ real shared_sum(real x) {
  for (int offset = kLanes / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(kAllLanes, x, offset);
  }
  return x;
}

// The softmax so far of a row that kLanes neighbours share; they hold the same.
template <int kLanes>
struct RunningSoftmax {
  real max = -INFINITY, sum = 0;

  // s becomes exp(s - max); returns what sums of earlier tiles are to be multiplied with.
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
// Four columns of a row of a head, zeros beyond its end.
__device__ inline Four load_four(const real* row, int64_t column, int64_t head_size) {
  if (head_size % 4 == 0) {  // then every row of every head is aligned
    return column < head_size ? *reinterpret_cast<const Four*>(row + column) : Four{};
  }
  Four x{};
  for (int c = 0; c < 4; ++c) x.at[c] = column + c < head_size ? row[column + c] : real(0);
  return x;
}

__device__ inline void store_four(real* row, int64_t column, int64_t head_size, const Four& x) {
  if (head_size % 4 == 0) {
    if (column < head_size) *reinterpret_cast<Four*>(row + column) = x;
    return;
  }
  for (int c = 0; c < 4 && column + c < head_size; ++c) row[column + c] = x.at[c];
}

// row += x, or row = x where it is the first to arrive. One thread writes a place.
__device__ inline void add_four(real* row, int64_t column, int64_t head_size, bool first, Four x) {
  if (!first) {
    const Four before = load_four(row, column, head_size);
    for (int c = 0; c < 4; ++c) x.at[c] += before.at[c];
  }
  store_four(row, column, head_size, x);
}

// Fills rows with columns [chunk, chunk + 32); row_of(n) is the head's part of row n, or null:
// zeros.
template <int kRows, typename RowOf>
__device__ void load_rows(TileRows<kRows>& rows, int64_t chunk, int64_t head_size,
                          const RowOf& row_of) {
  for (int n = static_cast<int>(threadIdx.x); n < kRows * kChunk / 4; n += kTileThreads) {
    const int row = n / (kChunk / 4), column = n % (kChunk / 4) * 4;
    const real* source = row_of(row);
    rows.four(row, column) = source ? load_four(source, chunk + column, head_size) : Four{};
  }
}

// Row n of the tile's queries in x (queries, hidden), or keys in x (tokens, hidden); null beyond.
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
// Entry of distance_row for the tile's distance n - 31; -1 where the sequence has no such distance.
__device__ inline int64_t distance_entry(const AttentionArgs& args, const TileCoords& at, int n) {
  const int64_t distance = at.query - at.key + n - (kTile - 1);
  if (distance <= -at.length || distance >= at.queries) return -1;
  return distance + args.max_length - 1;
}

// The row of a position table for the tile's distance n - 31; null where there is none.
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

__device__ inline void load_scores(ScoreTile& tile, const AttentionArgs& args, const TileCoords& at,
                                   int64_t chunk) {
  load_rows(tile.q, chunk, args.head_size, [&](int n) { return query_row(args, at, args.q, n); });
  load_rows(tile.k, chunk, args.head_size, [&](int n) { return key_row(args, at, args.k, n); });
  if (args.position_key) load_positions(tile.key, args, at, args.position_key, chunk);
  if (args.position_query) load_positions(tile.query, args, at, args.position_query, chunk);
}

// Zeros in the block's head of x (tokens, hidden) for the idle tokens; block y is a head, and the
// blocks along x share the rows.
__device__ inline void clear_idle_rows(const AttentionArgs& args, real* x) {
  const int64_t hidden = args.heads * args.head_size;
  for (int64_t row = args.offsets[args.sequences] + blockIdx.x; row < args.tokens;
       row += gridDim.x) {
    real* of_head = x + row * hidden + blockIdx.y * args.head_size;
    for (int64_t column = threadIdx.x; column < args.head_size; column += blockDim.x) {
      of_head[column] = 0;
    }
  }
}

// -- Products -------------------------------------------------------------------------------------
__device__ inline real dot(const Four& a, const Four& b, real sum) {
  for (int c = 0; c < 4; ++c) sum += a.at[c] * b.at[c];
  return sum;
}

// sum(a, b) += row y + 8a of left . row x + 8b of right.
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

// sum(a, b) += q_i . position[i - j] along queries, k_j . position[i - j] along keys.
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

// Queries and keys of the tile that are there.
__device__ inline int tile_queries(const TileCoords& at) {
  return static_cast<int>(at.queries - at.query < kTile ? at.queries - at.query : kTile);
}
__device__ inline int tile_keys(const TileCoords& at) {
  return static_cast<int>(at.length - at.key < kTile ? at.length - at.key : kTile);
}

// -- Dropout --------------------------------------------------------------------------------------
// Bit j: dropout keeps key at.key + j of query i, for the keys of [first, first + count), multiples
// of 4. kLanes neighbours draw four words at a time.
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

__device__ inline real dropped_key(const AttentionArgs& args, uint32_t kept, int j, real x) {
  if (args.drop_threshold == 0) return x;
  return kept >> j & 1 ? x * args.keep_scale : real(0);
}

}  // namespace soragrad::kernels
