// c (m, n) = a (m, k) b (k, n), or added to c or to a row of numbers, on one thread: the inner
// product of everything that the CPU multiplies in fp32 (attention, low-rank deltas, packed
// products).
//
// Tiling. A tile of 6 rows by 4 vectors of c (64 columns with AVX-512) keeps its 24 vectors of sums
// in registers over all of k. For each p it loads four vectors of row p of b and broadcasts six
// elements of a: 24 multiply-adds for 4 loads and 6 broadcasts, so the multiply-add units are the
// limit. AVX2 has 16 registers and takes 6 by 2. Tiles go down the rows first: the strip of b they
// share, k * 64 numbers, stays in the first- or second-level cache. Nothing is copied or packed, so
// the operands should fit into the second-level cache.
//
// Every element of c is summed in the order of p in one register lane, whatever the tile: rows and
// columns at the edges get the same bits as those inside, and no thread count changes a bit.
//
// Element (i, p) of a is a.data[i * row_stride + p * column_stride], so a may be transposed. b and
// c are row-major. Duty of the caller: b must be readable and c writable up to round_up(n) columns;
// dense_gemm has no such duty.

// Included once for each SIMD target (simd.h), so Highway's toggle replaces #pragma once.
#if defined(SORAGRAD_SMALL_GEMM_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SORAGRAD_SMALL_GEMM_INL_H
#undef SORAGRAD_SMALL_GEMM_INL_H
#else
#define SORAGRAD_SMALL_GEMM_INL_H
#endif

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/dtype.h"
#include "core/integer_math.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using RealTag = hn::ScalableTag<real>;
using RealVector = hn::Vec<RealTag>;

constexpr int64_t kLanes = HWY_LANES(real);  // elements of a vector
// n rounded up to whole vectors.
constexpr int64_t round_up(int64_t n) {
  return soragrad::round_up(n, kLanes);
}

// The left operand, see above.
struct Operand {
  const real* data;
  int64_t row_stride, column_stride;
};

// What the sums begin with: row i of them with `data + i * row_stride`, or with 0 if data is null.
struct Start {
  const real* data = nullptr;
  int64_t row_stride = 0;

  Start below(int64_t rows) const {
    return data ? Start{data + rows * row_stride, row_stride} : *this;
  }
  Start right_of(int64_t columns) const { return data ? Start{data + columns, row_stride} : *this; }
};

// Sums of a tile: 6 x 4 of the 32 registers of AVX-512, 6 x 2 of the 16 of AVX2.
constexpr int kTileRows = 6;
constexpr int kTileVectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

// One tile of c, Rows by Vectors * kLanes, over all of k.
template <int Rows, int Vectors>
HWY_INLINE void gemm_tile(const Operand& a, const real* b, int64_t ldb, real* c, int64_t ldc,
                          int64_t k, const Start& start) {
  const RealTag d;
  RealVector sums[Rows][Vectors];
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Vectors; ++j) {
      sums[i][j] =
          start.data ? hn::LoadU(d, start.data + i * start.row_stride + j * kLanes) : hn::Zero(d);
    }
  }
  for (int64_t p = 0; p < k; ++p) {
    RealVector columns[Vectors];
    for (int j = 0; j < Vectors; ++j) columns[j] = hn::LoadU(d, b + p * ldb + j * kLanes);
    for (int i = 0; i < Rows; ++i) {
      const RealVector x = hn::Set(d, a.data[i * a.row_stride + p * a.column_stride]);
      for (int j = 0; j < Vectors; ++j) sums[i][j] = hn::MulAdd(x, columns[j], sums[i][j]);
    }
  }
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Vectors; ++j) hn::StoreU(sums[i][j], d, c + i * ldc + j * kLanes);
  }
}

// A strip of Vectors * kLanes columns: tiles of 6 rows, then 4, 2 and 1 for the rest.
template <int Vectors>
void gemm_columns(int64_t m, int64_t k, Operand a, const real* b, int64_t ldb, real* c, int64_t ldc,
                  Start start) {
  const auto advance = [&](int64_t rows) {
    a.data += rows * a.row_stride;
    c += rows * ldc;
    start = start.below(rows);
  };
  for (; m >= kTileRows; m -= kTileRows) {
    gemm_tile<kTileRows, Vectors>(a, b, ldb, c, ldc, k, start);
    advance(kTileRows);
  }
  if (m & 4) {
    gemm_tile<4, Vectors>(a, b, ldb, c, ldc, k, start);
    advance(4);
  }
  if (m & 2) {
    gemm_tile<2, Vectors>(a, b, ldb, c, ldc, k, start);
    advance(2);
  }
  if (m & 1) gemm_tile<1, Vectors>(a, b, ldb, c, ldc, k, start);
}

// ldb and ldc are the elements from one row to the next. What the sums begin with must be readable
// up to round_up(n) columns, too.
inline void small_gemm(int64_t m, int64_t n, int64_t k, const Operand& a, const real* b,
                       int64_t ldb, real* c, int64_t ldc, Start start) {
  int64_t vectors = round_up(n) / kLanes;
  const auto advance = [&](int64_t taken) {
    vectors -= taken;
    b += taken * kLanes;
    c += taken * kLanes;
    start = start.right_of(taken * kLanes);
  };
  for (; vectors >= kTileVectors; advance(kTileVectors)) {
    gemm_columns<kTileVectors>(m, k, a, b, ldb, c, ldc, start);
  }
  if (vectors & 2) {
    gemm_columns<2>(m, k, a, b, ldb, c, ldc, start);
    advance(2);
  }
  if (vectors & 1) gemm_columns<1>(m, k, a, b, ldb, c, ldc, start);
}

// c is overwritten unless `accumulate`.
inline void small_gemm(int64_t m, int64_t n, int64_t k, const Operand& a, const real* b,
                       int64_t ldb, real* c, int64_t ldc, bool accumulate = false) {
  small_gemm(m, n, k, a, b, ldb, c, ldc, accumulate ? Start{c, ldc} : Start{});
}

// The same for b, c and a start whose rows may end after n columns: the columns beyond whole
// vectors go through padded copies.
inline void dense_gemm(int64_t m, int64_t n, int64_t k, const Operand& a, const real* b,
                       int64_t ldb, real* c, int64_t ldc, const Start& start) {
  const int64_t whole = n / kLanes * kLanes, rest = n - whole;
  if (whole > 0) small_gemm(m, whole, k, a, b, ldb, c, ldc, start);
  if (rest == 0) return;
  thread_local std::vector<real> padded;
  padded.assign(static_cast<size_t>((k + m) * kLanes), 0);
  real* b_rest = padded.data();
  real* c_rest = b_rest + k * kLanes;
  for (int64_t p = 0; p < k; ++p) std::copy_n(b + p * ldb + whole, rest, b_rest + p * kLanes);
  for (int64_t i = 0; start.data && i < m; ++i) {
    std::copy_n(start.data + i * start.row_stride + whole, rest, c_rest + i * kLanes);
  }
  small_gemm(m, rest, k, a, b_rest, kLanes, c_rest, kLanes, start.data != nullptr);
  for (int64_t i = 0; i < m; ++i) std::copy_n(c_rest + i * kLanes, rest, c + i * ldc + whole);
}

inline void dense_gemm(int64_t m, int64_t n, int64_t k, const Operand& a, const real* b,
                       int64_t ldb, real* c, int64_t ldc, bool accumulate) {
  dense_gemm(m, n, k, a, b, ldb, c, ldc, accumulate ? Start{c, ldc} : Start{});
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

// SPDX-License-Identifier: Apache-2.0
