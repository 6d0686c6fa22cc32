// A tile of scores in bf16, on tensor cores: 32 queries by 32 keys as in attention_tile.cuh.
// Forward and backward are built from it; mma.cuh has the product and its fragments.
//
// Registers: a warp computes 16 by 16 scores at a time (a part), in fp32, eight numbers a lane.
// Shared memory: q, k, v and the rows of the position tables by distance, rounded to bf16, with all
// columns of the head at once. The head size is therefore rounded up to 16, 32, 64 or 128, and
// kernels are compiled for each.
//
// A position term of 16 by 16 scores meets 31 distances i - j. It is a product of 16 rows of q (or
// k) with 32 rows of the table, of which the scores read a diagonal band. The product goes through
// shared memory, because lanes must exchange its elements:
//   c (16, 32) = q pk^T:   score(i, j) += c(i, i - j + 15)
//   t (16, 32) = k pq^T:   score(i, j) += t(j, i - j + 15)
// So a position term costs two times what q k^T costs.
//
// Rows of the tables are kept in a ring buffer of 64: from one tile of keys to the next the
// distances fall by 32, so half of the rows are still there and only 32 are loaded.
#pragma once

#include <type_traits>

#include "core/kernels/attention/attention_tile.cuh"
#include "core/kernels/mma.cuh"

namespace soragrad::kernels {

constexpr int kPart = kTile / 2;  // queries of a part, and keys of a part
constexpr int kBand = 2 * kPart;  // its 31 distances and one unused
constexpr int kGroup = 4;         // lanes that share a row of a fragment (mma.cuh)

// 16 by 16 numbers of a warp (query, key): scores or gradients. half[0] has keys 0 to 7, half[1]
// keys 8 to 15.
struct PartScores {
  FragmentC half[2];
};

// A warp's c or t, of which a diagonal band is read. The odd row length of 37 floats spreads the
// reads along diagonals over the banks.
struct BandScratch {
  float at[kPart][kBand + 5];
};

// The operands of a tile of scores. `key` and `query` are ring buffers: read them through
// by_distance(). They are the last members, see shared_bytes().
template <int kDepth>
struct Bf16ScoreTile {
  Bf16Rows<kTile, kDepth> q, k;
  Bf16Rows<kRun, kDepth> key, query;
};

// Bytes of shared memory of a block whose Tile ends with a member `scores`, a Bf16ScoreTile. A
// model without position tables leaves out their memory, so that more blocks fit on a
// multiprocessor.
template <typename Tile>
constexpr size_t shared_bytes(const AttentionArgs& args) {
  const bool tables = args.position_key || args.position_query;
  return sizeof(Tile) - (tables ? 0 : sizeof(Tile::scores.key) + sizeof(Tile::scores.query));
}

// The ring buffer in the order of ScoreTile: row n is the tile's distance n - 31. Distance d of the
// sequence is kept in row d mod 64.
template <int kDepth>
struct RowsByDistance {
  const Bf16Rows<kRun, kDepth>& rows;
  int first;  // row of the ring buffer that holds row 0

  __device__ const uint32_t* at(int n, int column) const {
    return rows.at((first + n) & (kRun - 1), column);
  }
};
// Row of the ring buffer for the tile's smallest distance, query - key - 31.
__device__ inline int first_of_run(const TileCoords& at) {
  return (at.query - at.key - (kTile - 1)) & (kRun - 1);
}
template <int kDepth>
__device__ RowsByDistance<kDepth> by_distance(const Bf16Rows<kRun, kDepth>& rows,
                                              const TileCoords& at) {
  return {rows, first_of_run(at)};
}

// Calls call(depth) with the smallest depth that kernels are compiled for and that holds the head:
// a compile-time constant, multiple of a fragment's 16. Columns beyond the head are zeros.
template <typename Call>
void with_depth(int64_t head_size, const Call& call) {
  if (head_size <= 16) return call(std::integral_constant<int, 16>());
  if (head_size <= 32) return call(std::integral_constant<int, 32>());
  if (head_size <= 64) return call(std::integral_constant<int, 64>());
  return call(std::integral_constant<int, 128>());
}

// -- Loading --------------------------------------------------------------------------------------
constexpr int64_t kMostTableNumbers = int64_t{1} << 32;

struct alignas(8) Two {
  real at[2];
};
struct alignas(8) TwoPairs {
  uint32_t pair[2];
};

// Rows of a matrix that belong to a sequence. In place of a row beyond the sequence it has the last
// one, so that loading needs no branch: no result has a row or a score beyond the sequence, and
// what multiplies such a row is 0.
struct TokenRows {
  const real* first;  // the head's part of row 0
  int last, pitch;    // last row; floats from row to row
  __device__ const real* at(int n) const {
    return first + static_cast<unsigned>(n < last ? n : last) * static_cast<unsigned>(pitch);
  }
};
__device__ inline TokenRows rows_from(const AttentionArgs& args, const TileCoords& at,
                                      const real* x, int64_t first, int count) {
  const int pitch = static_cast<int>(args.heads * args.head_size);
  return {x + first * pitch + at.column, count - 1, pitch};
}
// Rows of a position table: row n is the tile's distance n - 31. In place of a distance that the
// sequence does not have, the nearest one that it has. Places in a table fit into 32 bits.
struct TableRows {
  const real* table;            // the head's part of row 0
  const int32_t* distance_row;  // AttentionArgs
  int entry, lowest, highest;   // of n = 0; of the sequence's distances
  int pitch;
  __device__ const real* at(int n) const {
    const int own = entry + n, upper = own < highest ? own : highest;
    const auto row = static_cast<unsigned>(distance_row[upper < lowest ? lowest : upper]);
    return table + row * static_cast<unsigned>(pitch);
  }
};
__device__ inline TableRows table_rows(const AttentionArgs& args, const TileCoords& at,
                                       const real* table) {
  const int nearest = static_cast<int>(args.max_length) - 1;  // entry of distance 0
  return {table + at.column,
          args.distance_row,
          nearest + at.query - at.key - (kTile - 1),
          nearest - (at.length - 1),
          nearest + at.queries - 1,
          static_cast<int>(args.heads * args.head_size)};
}

// Rounds rows begin + [0, kCount) of x to bf16 and stores row begin + n as row to(n). The kThreads
// threads of the block take part; the caller sets the barriers. A thread loads up to eight pieces
// of 16 bytes before it stores the first.
template <int kThreads, int kCount, int kRows, int kDepth, typename Rows, typename To>
__device__ void load_bf16_rows(Bf16Rows<kRows, kDepth>& rows, int head_size, const Rows& x,
                               int begin, const To& to) {
  constexpr int kFours = kDepth / 4, kStep = kThreads / kFours;  // pieces of a row; rows at a time
  constexpr int kLoads = kCount < kStep ? 1 : kCount / kStep, kBatch = kLoads < 8 ? kLoads : 8;
  const int column = static_cast<int>(threadIdx.x) % kFours * 4;
  const int first = static_cast<int>(threadIdx.x) / kFours;
  if (first >= kCount) return;
  const bool within = column < head_size;  // beyond the head there are zeros
  const int place = within ? column : 0;
#pragma unroll 1
  for (int batch = 0; batch < kLoads / kBatch; ++batch) {
    const int n = first + batch * kBatch * kStep;
    Four four[kBatch];
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const real* __restrict__ row = x.at(begin + n + i * kStep);
      four[i] = *reinterpret_cast<const Four*>(row + place);
    }
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      *reinterpret_cast<TwoPairs*>(&rows.pair[to(n + i * kStep)][column / 2]) = {
          {within ? bf16_pair(four[i].at[0], four[i].at[1]) : 0,
           within ? bf16_pair(four[i].at[2], four[i].at[3]) : 0}};
    }
  }
}

template <int kThreads, int kDepth>
__device__ void load_queries(Bf16Rows<kTile, kDepth>& rows, const AttentionArgs& args,
                             const TileCoords& at, const real* x) {
  load_bf16_rows<kThreads, kTile>(
      rows, static_cast<int>(args.head_size),
      rows_from(args, at, x, at.first_query + at.query, at.queries - at.query), 0,
      [](int n) { return n; });
}
template <int kThreads, int kDepth>
__device__ void load_keys(Bf16Rows<kTile, kDepth>& rows, const AttentionArgs& args,
                          const TileCoords& at, const real* x) {
  load_bf16_rows<kThreads, kTile>(
      rows, static_cast<int>(args.head_size),
      rows_from(args, at, x, at.first_token + at.key, at.length - at.key), 0,
      [](int n) { return n; });
}

// Whether the distances of the next tile are lower, as when a block walks the keys, or higher, as
// when it walks the queries.
enum class Next { lower, higher };

// Loads the table's rows that the ring buffer lacks: all 64 for the first tile, then the 32 at the
// end that the block walks to.
template <int kThreads, int kDepth>
__device__ void load_table(Bf16Rows<kRun, kDepth>& rows, const AttentionArgs& args,
                           const TileCoords& at, const real* table, Next next) {
  const int walked = next == Next::lower ? at.key : at.query;
  const int begin = walked > 0 && next == Next::higher ? kRun - kTile : 0;
  const int first = first_of_run(at) + begin, head_size = static_cast<int>(args.head_size);
  const auto to = [first](int n) { return (first + n) & (kRun - 1); };
  const TableRows x = table_rows(args, at, table);
  if (walked == 0) {
    load_bf16_rows<kThreads, kRun>(rows, head_size, x, begin, to);
  } else {
    load_bf16_rows<kThreads, kRun - kTile>(rows, head_size, x, begin, to);
  }
}
template <int kThreads, int kDepth>
__device__ void load_tables(Bf16ScoreTile<kDepth>& tile, const AttentionArgs& args,
                            const TileCoords& at) {
  if (args.position_key) {
    load_table<kThreads>(tile.key, args, at, args.position_key, Next::lower);
  }
  if (args.position_query) {
    load_table<kThreads>(tile.query, args, at, args.position_query, Next::lower);
  }
}

// True if any of the tile's distances n - 31, n in [row, row + 16), has a pair of query and key in
// the sequence. Skipping the others saves products with zeros.
__device__ inline bool has_distances(const TileCoords& at, int row) {
  const int nearest = row - (kTile - 1);
  return nearest < tile_queries(at) && nearest + kPart > 1 - tile_keys(at);
}

// -- Scores ---------------------------------------------------------------------------------------
// c[n] += rows [row, row + 16) of left times rows [first + 8n, first + 8n + 8) of right.
template <int kCount, typename Left, typename Right>
__device__ void add_row_products(FragmentC (&c)[kCount], const Left& left, int row,
                                 const Right& right, int first, int depth) {
  for (int d = 0; d < depth; d += kMmaDepth) {
    const FragmentA a = fragment_a(left, row, d);
#pragma unroll
    for (int n = 0; n < kCount; n += 2) {
      const FragmentsB b = fragments_b_of_rows(right, first + kMmaColumns * n, d);
      mma(c[n], a, b.half[0]);
      mma(c[n + 1], a, b.half[1]);
    }
  }
}

// c = rows [row, row + 16) of left times rows [first, first + 32) of the table. `c` belongs to the
// warp; on return every lane may read all of it.
template <typename Left, typename Table>
__device__ void band_product(BandScratch& c, const Left& left, int row, const Table& table,
                             int first, int depth) {
  FragmentC product[kBand / kMmaColumns] = {};
  add_row_products(product, left, row, table, first, depth);
  __syncwarp();  // all lanes have read the previous band
#pragma unroll
  for (int n = 0; n < kBand / kMmaColumns; ++n) {
    for (int e = 0; e < 4; ++e) {
      c.at[fragment_row(e)][kMmaColumns * n + fragment_column(e)] = product[n].at[e];
    }
  }
  __syncwarp();
}

// The scores of queries [16a, 16a + 16) and keys [16b, 16b + 16) of the tile, not scaled; zeros if
// the sequence has none of them. A whole warp takes part, with its own `band`.
template <int kDepth>
__device__ PartScores part_scores(const Bf16ScoreTile<kDepth>& tile, const AttentionArgs& args,
                                  const TileCoords& at, int a, int b, BandScratch& band) {
  PartScores s{};
  if (kPart * a >= tile_queries(at) || kPart * b >= tile_keys(at)) return s;
  add_row_products(s.half, tile.q, kPart * a, tile.k, kPart * b, kDepth);
  const int first = kPart * (a - b + 1);  // the part's smallest distance, -15, as a row of the tile
  const auto add_band = [&](const auto& read) {
    for (int h = 0; h < 2; ++h) {
      for (int e = 0; e < 4; ++e) {
        const int i = fragment_row(e), j = kMmaColumns * h + fragment_column(e);
        s.half[h].at[e] += read(i, j, i - j + kPart - 1);
      }
    }
  };
  if (args.position_key) {
    band_product(band, tile.q, kPart * a, by_distance(tile.key, at), first, kDepth);
    add_band([&](int i, int, int distance) { return band.at[i][distance]; });
  }
  if (args.position_query) {
    band_product(band, tile.k, kPart * b, by_distance(tile.query, at), first, kDepth);
    add_band([&](int, int j, int distance) { return band.at[j][distance]; });
  }
  return s;
}

// The launchers behind attention_cuda and attention_backward_cuda.
void attention_bf16(const AttentionArgs& args);
void attention_backward_bf16(const AttentionBackwardArgs& args);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
