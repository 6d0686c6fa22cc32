// A tile of AMX is 16 rows of 64 bytes: 16 rows of a by 16 pairs of neighbours in k, or 16 such
// pairs by 16 columns of b. Both operands are first packed, tile after tile, in memory of the
// thread. A tile is read from its operand as 16 vectors of 16 pairs; if the operand lies the other
// way round, the pairs are turned in registers.
//
// 2 x 2 tiles of sums stay in tile registers over all of k. They begin with c or zeros, and are
// stored to c; a tile that c does not fill passes through a copy. Each element is summed in the
// order of k, 32 of a's high parts before their low ones.
#include "core/kernels/linear/small_gemm_bf16.h"

#include "core/error.h"

#if defined(__x86_64__) && defined(__linux__) && !defined(SORAGRAD_REAL_DOUBLE)
#include <algorithm>
#include <vector>

#include "core/integer_math.h"
#include "core/kernels/linear/amx_tiles.h"
#include "core/kernels/linear/bf16_operands.h"
#include "core/kernels/linear/bf16_pairs-inl.h"

namespace soragrad::kernels {
namespace {

constexpr int64_t kSide = kPairLanes;  // rows of a tile; pairs, or sums, in a row
constexpr int kRowBytes = 64;

// The items of an operand, rows of a or columns of b.
struct Items {
  const float* data;
  int64_t count, k;
  int64_t pitch;  // from one item to the next if an item's elements lie together, else along k
  bool together;
};
Items items_of(const MatrixView& x, int64_t count, int64_t k, bool are_rows) {
  const int64_t of_item = are_rows ? x.row_stride : x.column_stride;
  const int64_t along_k = are_rows ? x.column_stride : x.row_stride;
  return {x.data, count, k, along_k == 1 ? of_item : along_k, along_k == 1};
}

// -- Packing --------------------------------------------------------------------------------------
// 16 numbers from x on; unless Whole, zeros behind the first n.
template <bool Whole>
SORAGRAD_AVX512_BF16 __m512 load_lanes(const float* x, int64_t n) {
  return Whole ? _mm512_loadu_ps(x) : load_first(x, n);
}

// 16 vectors of pairs of a tile: vector i is of item `item` + i where items lie together, else it
// is pair i of all 16 items. With two parts, tiles[1] gets what rounding lost. Whole: the operand
// does not end within the tile.
template <int Parts, bool Whole>
SORAGRAD_AVX512_BF16 void read_pairs(const Items& x, int64_t item, int64_t k, PairBlock* tiles) {
  const int64_t items = x.count - item, depth = x.k - k;  // what is left
  const float* place = x.data + (x.together ? item * x.pitch + k : k * x.pitch + item);
  for (int64_t i = 0; i < kSide; ++i) {
    __m512 x0, x1;
    if (x.together) {
      const int64_t left = i < items ? depth : 0;
      x0 = load_lanes<Whole>(place, left);
      x1 = load_lanes<Whole>(place + kSide, left - kSide);
      place += x.pitch;
    } else {
      x0 = load_lanes<Whole>(place, 2 * i < depth ? items : 0);
      x1 = load_lanes<Whole>(place + x.pitch, 2 * i + 1 < depth ? items : 0);
      place += 2 * x.pitch;
    }
    const __m512i high = rounded(x0, x1);
    tiles[0].row[i] = x.together ? high : side_by_side(high);
    if constexpr (Parts == 2) {
      const __m512i low = rest_of(high, x0, x1);
      tiles[1].row[i] = x.together ? low : side_by_side(low);
    }
  }
}

// Memory of a thread for an operand's tiles, kept between calls.
using Tiles = std::vector<PairBlock>;

// Packs x: the tiles of its first 16 items in the order of k, then those of the next 16. With two
// parts, a tile of what rounding lost follows each. A tile's rows are items if by_item, else pairs.
template <int Parts>
SORAGRAD_AVX512_BF16 const PairBlock* pack_tiles(const Items& x, bool by_item, Tiles& tiles) {
  const auto count =
      static_cast<size_t>(ceil_div(x.count, kSide) * ceil_div(x.k, kTileDepthBf16) * Parts);
  if (tiles.size() < count) tiles.resize(count);
  PairBlock* tile = tiles.data();
  for (int64_t item = 0; item < x.count; item += kSide) {
    for (int64_t k = 0; k < x.k; k += kTileDepthBf16) {
      const bool whole = x.count - item >= kSide && x.k - k >= kTileDepthBf16;
      whole ? read_pairs<Parts, true>(x, item, k, tile)
            : read_pairs<Parts, false>(x, item, k, tile);
      for (int part = 0; part < Parts; ++part, ++tile) {
        if (x.together != by_item) turn(*tile);
      }
    }
  }
  return tiles.data();
}

// -- Multiplying ----------------------------------------------------------------------------------
// Where 16 x 16 sums begin and end: in c, or in a copy if c ends within them.
class SumTile {
 public:
  SumTile(const SmallGemmBf16Args& args, int64_t row, int64_t column)
      : c_(args.c + row * args.ldc + column),
        pitch_(args.ldc),
        rows_(std::min(kSide, args.m - row)),
        columns_(std::min(kSide, args.n - column)) {
    if (whole() || !args.accumulate) return;
    std::fill_n(copy_, kSide * kSide, 0.0f);
    move(c_, pitch_, copy_, kSide);
  }
  float* data() { return whole() ? c_ : copy_; }
  int64_t row_bytes() const {
    return (whole() ? pitch_ : kSide) * static_cast<int64_t>(sizeof(float));
  }
  void finish() const {
    if (!whole()) move(copy_, kSide, c_, pitch_);
  }

 private:
  bool whole() const { return rows_ == kSide && columns_ == kSide; }
  void move(const float* from, int64_t from_pitch, float* to, int64_t to_pitch) const {
    for (int64_t i = 0; i < rows_ && columns_ > 0; ++i) {
      std::copy_n(from + i * from_pitch, columns_, to + i * to_pitch);
    }
  }
  float* c_;
  int64_t pitch_, rows_, columns_;  // rows and columns that c has
  alignas(64) float copy_[kSide * kSide];
};

// The sums of one or two tiles of rows by one or two of columns, of which a and b are the first.
// `steps` of k.
template <int Parts, bool TwoRows, bool TwoColumns>
SORAGRAD_AMX void sum_tiles(const SmallGemmBf16Args& args, int64_t row, int64_t column,
                            const PairBlock* a, const PairBlock* b, int64_t steps) {
  SumTile sums[4] = {{args, row, column},
                     {args, row, column + kSide},
                     {args, row + kSide, column},
                     {args, row + kSide, column + kSide}};
  if (args.accumulate) {
    _tile_loadd(0, sums[0].data(), sums[0].row_bytes());
    if (TwoColumns) _tile_loadd(1, sums[1].data(), sums[1].row_bytes());
    if (TwoRows) _tile_loadd(2, sums[2].data(), sums[2].row_bytes());
    if (TwoRows && TwoColumns) _tile_loadd(3, sums[3].data(), sums[3].row_bytes());
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const PairBlock *more_a = a + steps * Parts, *more_b = b + steps;
  for (int64_t step = 0; step < steps; ++step) {
    _tile_loadd(6, b + step, kRowBytes);
    if (TwoColumns) _tile_loadd(7, more_b + step, kRowBytes);
    for (int part = 0; part < Parts; ++part) {
      _tile_loadd(4, a + step * Parts + part, kRowBytes);
      _tile_dpbf16ps(0, 4, 6);
      if (TwoColumns) _tile_dpbf16ps(1, 4, 7);
      if (!TwoRows) continue;
      _tile_loadd(5, more_a + step * Parts + part, kRowBytes);
      _tile_dpbf16ps(2, 5, 6);
      if (TwoColumns) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, sums[0].data(), sums[0].row_bytes());
  if (TwoColumns) _tile_stored(1, sums[1].data(), sums[1].row_bytes());
  if (TwoRows) _tile_stored(2, sums[2].data(), sums[2].row_bytes());
  if (TwoRows && TwoColumns) _tile_stored(3, sums[3].data(), sums[3].row_bytes());
  for (const SumTile& each : sums) each.finish();
}

template <int Parts>
SORAGRAD_AMX void multiply_packed(const SmallGemmBf16Args& args) {
  static thread_local Tiles tiles_of_a, tiles_of_b;
  const int64_t steps = ceil_div(args.k, kTileDepthBf16);
  const PairBlock* a = pack_tiles<Parts>(items_of(args.a, args.m, args.k, true), true, tiles_of_a);
  const PairBlock* b = pack_tiles<1>(items_of(args.b, args.n, args.k, false), false, tiles_of_b);
  _tile_loadconfig(&kFullTiles);
  for (int64_t column = 0; column < args.n; column += 2 * kSide) {
    const PairBlock* columns = b + column / kSide * steps;
    const bool two_columns = column + kSide < args.n;
    for (int64_t row = 0; row < args.m; row += 2 * kSide) {
      const PairBlock* rows = a + row / kSide * steps * Parts;
      const bool two_rows = row + kSide < args.m;
      const auto sum =
          two_rows ? (two_columns ? sum_tiles<Parts, true, true> : sum_tiles<Parts, true, false>)
                   : (two_columns ? sum_tiles<Parts, false, true> : sum_tiles<Parts, false, false>);
      sum(args, row, column, rows, columns, steps);
    }
  }
  _tile_release();
}

}  // namespace

void small_gemm_bf16(const SmallGemmBf16Args& args) {
  args.split_a ? multiply_packed<2>(args) : multiply_packed<1>(args);
}

}  // namespace soragrad::kernels

#else  // without AMX nobody may call it

namespace soragrad::kernels {

void small_gemm_bf16(const SmallGemmBf16Args&) {
  fail("[small_gemm_bf16] this build has no AMX.");
}

}  // namespace soragrad::kernels

#endif

// SPDX-License-Identifier: Apache-2.0
