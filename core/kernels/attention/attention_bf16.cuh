// Attention's tiles of attention_tile.cuh on tensor cores, for bf16: 32 queries by 32 keys, where a
// warp has 16 by 16 of the scores at a time, in fp32 registers. Operands stand in shared memory in
// bf16, all columns of the head at once.
//
// A position term of 16 by 16 scores takes 31 distances i - j, so it is a product of the 16 rows of
// q with 32 rows of the table; of c (16, 32) the scores read a diagonal band:
//   score(i, j) += c(i, i - j + 15)          c = q pk^T
//   score(i, j) += t(j, i - j + 15)          t = k pq^T
#pragma once

#include <type_traits>

#include "core/kernels/attention/attention_tile.cuh"
#include "core/kernels/mma.cuh"

namespace soragrad::kernels {

constexpr int kPart = kTile / 2;  // queries, and keys, of a warp's scores
constexpr int kBand = 2 * kPart;  // distances of it, and one to spare
constexpr int kGroup = 4;         // lanes that share a row of fragments

// A warp's 16 by 16 scores, or other numbers of them: keys 0 - 7 and 8 - 15.
struct PartScores {
  FragmentC half[2];
};

// A product of which a diagonal is read. A row is 37 long: 8 rows and 4 columns that are read at
// once lie in different banks.
struct BandScratch {
  float at[kPart][kBand + 5];
};

template <int kDepth>
struct Bf16ScoreTile {
  Bf16Rows<kTile, kDepth> q, k;
  Bf16Rows<kRun, kDepth> key, query;  // read them by_distance(); last, see shared_bytes()
};

// Of a Tile that ends with `scores`, a Bf16ScoreTile. Without tables it does without their room, so
// that more blocks share a multiprocessor.
template <typename Tile>
constexpr size_t shared_bytes(const AttentionArgs& args) {
  const bool tables = args.position_key || args.position_query;
  return sizeof(Tile) - (tables ? 0 : sizeof(Tile::scores.key) + sizeof(Tile::scores.query));
}

// Rows of a position table in the order of ScoreTile: row n is distance n - 31 of the tile. It
// stands where the remainder of its distance by 64 says: from one tile of keys to the next the
// distances fall by 32, and half of the rows stay where they are.
template <int kDepth>
struct RowsByDistance {
  const Bf16Rows<kRun, kDepth>& rows;
  int first;  // where row 0 stands

  __device__ uint32_t at(int n, int column) const {
    return rows.at((first + n) % unsigned{kRun}, column);
  }
  __device__ uint32_t one(int n, int column) const {
    return rows.one((first + n) % unsigned{kRun}, column);
  }
};
__device__ inline int first_of_run(const TileCoords& at) {
  return static_cast<int>((at.query - at.key - (kTile - 1)) & (kRun - 1));
}
template <int kDepth>
__device__ RowsByDistance<kDepth> by_distance(const Bf16Rows<kRun, kDepth>& rows,
                                              const TileCoords& at) {
  return {rows, first_of_run(at)};
}

// Depth that kernels are compiled for: multiples of a fragment's, zeros beyond the head.
template <typename Call>
void with_depth(int64_t head_size, const Call& call) {
  if (head_size <= 16) return call(std::integral_constant<int, 16>());
  if (head_size <= 32) return call(std::integral_constant<int, 32>());
  if (head_size <= 64) return call(std::integral_constant<int, 64>());
  return call(std::integral_constant<int, 128>());
}

// -- Loading --------------------------------------------------------------------------------------
// Rows [0, count); row_of(n) is the head's part of row n, or null: zeros. to(n): where it goes.
template <int kRows, int kDepth, typename RowOf, typename To>
__device__ void load_bf16_rows(Bf16Rows<kRows, kDepth>& rows, int count, int64_t head_size,
                               const RowOf& row_of, const To& to) {
  constexpr int kFours = kDepth / 4;
  for (int n = static_cast<int>(threadIdx.x); n < count * kFours;
       n += static_cast<int>(blockDim.x)) {
    const int row = n / kFours, column = n % kFours * 4;
    const real* source = row_of(row);
    const Four x = source ? load_four(source, column, head_size) : Four{};
    uint32_t* pair = &rows.pair[to(row)][column / 2];
    pair[0] = bf16_pair(x.at[0], x.at[1]);
    pair[1] = bf16_pair(x.at[2], x.at[3]);
  }
}

template <int kDepth>
__device__ void load_queries(Bf16Rows<kTile, kDepth>& rows, const AttentionArgs& args,
                             const TileCoords& at, const real* x) {
  load_bf16_rows(
      rows, kTile, args.head_size, [&](int n) { return query_row(args, at, x, n); },
      [](int n) { return n; });
}
template <int kDepth>
__device__ void load_keys(Bf16Rows<kTile, kDepth>& rows, const AttentionArgs& args,
                          const TileCoords& at, const real* x) {
  load_bf16_rows(
      rows, kTile, args.head_size, [&](int n) { return key_row(args, at, x, n); },
      [](int n) { return n; });
}
// Of the tile's keys, after the tile before it or as the first of its queries.
template <int kDepth>
__device__ void load_tables(Bf16ScoreTile<kDepth>& tile, const AttentionArgs& args,
                            const TileCoords& at) {
  const auto load = [&](Bf16Rows<kRun, kDepth>& rows, const real* table) {
    if (!table) return;
    load_bf16_rows(
        rows, at.key == 0 ? kRun : kRun - kTile, args.head_size,
        [&](int n) { return position_row(args, at, table, n); },
        [&](int n) { return (first_of_run(at) + n) % kRun; });
  };
  load(tile.key, args.position_key);
  load(tile.query, args.position_query);
}

// Whether rows [row, row + 16) of a run have distances between the tile's queries and keys.
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
    for (int n = 0; n < kCount; ++n) {
      mma(c[n], a, fragment_b_of_rows(right, first + kMmaColumns * n, d));
    }
  }
}

// c = rows [row, row + 16) of left times rows [first, first + 32) of the table.
template <typename Left, typename Table>
__device__ void band_product(BandScratch& c, const Left& left, int row, const Table& table,
                             int first, int depth) {
  FragmentC product[kBand / kMmaColumns] = {};
  add_row_products(product, left, row, table, first, depth);
  __syncwarp();  // the band before has been read
#pragma unroll
  for (int n = 0; n < kBand / kMmaColumns; ++n) {
    for (int e = 0; e < 4; ++e) {
      c.at[fragment_row(e)][kMmaColumns * n + fragment_column(e)] = product[n].at[e];
    }
  }
  __syncwarp();
}

// Of the tile's queries from 16a and keys from 16b on, not scaled; zeros where there are none.
// Whole warps take part.
template <int kDepth>
__device__ PartScores part_scores(const Bf16ScoreTile<kDepth>& tile, const AttentionArgs& args,
                                  const TileCoords& at, int a, int b, BandScratch& band) {
  PartScores s{};
  if (kPart * a >= tile_queries(at) || kPart * b >= tile_keys(at)) return s;
  add_row_products(s.half, tile.q, kPart * a, tile.k, kPart * b, kDepth);
  const int first = kPart * (a - b + 1);  // row of distance -15 of the part, of those of the tile
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
