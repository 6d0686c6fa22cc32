// Products of bf16 tiles on tensor cores: mma.sync m16n8k16, c (16, 8) += a (16, 16) b (16, 8),
// with fp32 sums. Compute capability 8.0 or newer.
//
// The 32 lanes of a warp share the matrices; a lane's piece is its fragment (PTX ISA, "Matrix
// fragments for mma.m16n8k16"). With g = lane / 4 and t = lane % 4, a lane holds
//   a   rows g and g + 8, in each the columns 2t, 2t + 1 and 2t + 8, 2t + 9
//   b   column g, in it the rows 2t, 2t + 1 and 2t + 8, 2t + 9
//   c   rows g and g + 8, in each the columns 2t and 2t + 1
// Two neighbouring bf16 numbers share a register; the smaller index is in the low half. So the four
// lanes of a group (equal g) share a row of a and c, and a result c has the layout of one half of
// an operand a.
//
// An operand that is itself computed, as a probability is, would lose most of its accuracy by being
// rounded to bf16 (2^-9). It is split instead: x = high + low with high = bf16(x) and
// low = bf16(x - high). Two products then keep x to 2^-17.
#pragma once

#include <cstdint>

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {

constexpr int kMmaRows = 16, kMmaColumns = 8, kMmaDepth = 16;

struct FragmentA {
  // Pairs that begin at (row, column) = (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8).
  uint32_t pair[4];
};
struct FragmentB {
  uint32_t pair[2];  // pairs that begin at rows 2t and 2t + 8 of column g
};
struct FragmentC {
  float at[4];  // (row, column) = (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
};

__device__ inline int group_of_lane() {  // g
  return lane_index() / 4;
}
__device__ inline int place_in_group() {  // t
  return lane_index() % 4;
}
// Row and column of element e of the lane's FragmentC.
__device__ inline int fragment_row(int e) {
  return group_of_lane() + e / 2 * 8;
}
__device__ inline int fragment_column(int e) {
  return 2 * place_in_group() + e % 2;
}

// bf16_pair: two numbers rounded to bf16, to nearest even, `first` in the low half.
// mma: c += a b.
// load_matrices: four 8 by 8 matrices from shared memory. Lane l passes the address of row l % 8 of
// matrix l / 8: 16 bytes, aligned. pair[m] becomes the pair at (row, column) = (g, 2t) of matrix m,
// or with `kTransposed` at (g, 2t) of its transpose.
// All 32 lanes of the warp take part in the last two.
#ifdef SORAGRAD_CUDA_EMULATION
inline uint32_t bf16_pair(float first, float second) {
  return to_bfloat16(first).bits | uint32_t{to_bfloat16(second).bits} << 16;
}
inline void mma(FragmentC& c, const FragmentA& a, const FragmentB& b) {
  cuda_emulation::mma_m16n8k16(c.at, a.pair, b.pair);
}
template <bool kTransposed>
void load_matrices(uint32_t (&pair)[4], const uint32_t* row) {
  const auto own = *reinterpret_cast<const cuda_emulation::MatrixRow*>(row);
  cuda_emulation::load_matrices(pair, own, kTransposed);
}
#else
__device__ inline uint32_t bf16_pair(float first, float second) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}
__device__ inline void mma(FragmentC& c, const FragmentA& a, const FragmentB& b) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c.at[0]), "+f"(c.at[1]), "+f"(c.at[2]), "+f"(c.at[3])
      : "r"(a.pair[0]), "r"(a.pair[1]), "r"(a.pair[2]), "r"(a.pair[3]), "r"(b.pair[0]),
        "r"(b.pair[1]));
}
template <bool kTransposed>
__device__ void load_matrices(uint32_t (&pair)[4], const uint32_t* row) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(pair[0]), "=r"(pair[1]), "=r"(pair[2]), "=r"(pair[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(pair[0]), "=r"(pair[1]), "=r"(pair[2]), "=r"(pair[3])
                 : "r"(address)
                 : "memory");
  }
}
#endif

// -- Matrices in shared memory --------------------------------------------------------------------
// Rows of bf16 numbers in shared memory, stored in pairs. A row has room for 8 more columns: its
// length in words is then 4 modulo 8, and the 8 rows that load_matrices() reads at once are in
// different banks.
template <int kRows, int kColumns>
struct alignas(16) Bf16Rows {
  static_assert(kColumns % kMmaDepth == 0);
  uint32_t pair[kRows][kColumns / 2 + 4];

  // The numbers of `column`, which is even, and column + 1.
  __device__ const uint32_t* at(int row, int column) const { return &pair[row][column / 2]; }
};

// The lane's row of four matrices that cover rows [row, row + 16) and columns [column, column + 16)
// of x: by_rows if the second matrix lies below the first one, else it lies beside it.
template <typename Rows>
__device__ const uint32_t* matrix_row(const Rows& x, int row, int column, bool by_rows) {
  const int lane = lane_index(), inner = lane / 8 % 2 * 8, outer = lane / 16 * 8;
  return x.at(row + lane % 8 + (by_rows ? inner : outer), column + (by_rows ? outer : inner));
}

// a = rows [row, row + 16) and columns [column, column + 16) of x.
template <typename Rows>
__device__ FragmentA fragment_a(const Rows& x, int row, int column) {
  FragmentA a;
  load_matrices<false>(a.pair, matrix_row(x, row, column, true));
  return a;
}
// a = the transpose of these rows and columns.
template <typename Rows>
__device__ FragmentA transposed_fragment_a(const Rows& x, int row, int column) {
  FragmentA a;
  load_matrices<true>(a.pair, matrix_row(x, row, column, false));
  return a;
}

// Two operands b side by side: (16, 16).
struct FragmentsB {
  FragmentB half[2];
};
// b = the transpose of rows [row, row + 16) and columns [column, column + 16) of x. a b then holds
// dot products of rows with rows, as q k^T does.
template <typename Rows>
__device__ FragmentsB fragments_b_of_rows(const Rows& x, int row, int column) {
  uint32_t pair[4];
  load_matrices<false>(pair, matrix_row(x, row, column, false));
  return {{{{pair[0], pair[1]}}, {{pair[2], pair[3]}}}};
}
// b = rows [row, row + 16) and columns [column, column + 16) of x.
template <typename Rows>
__device__ FragmentsB fragments_b(const Rows& x, int row, int column) {
  uint32_t pair[4];
  load_matrices<true>(pair, matrix_row(x, row, column, true));
  return {{{{pair[0], pair[1]}}, {{pair[2], pair[3]}}}};
}

// -- Operands in two parts ------------------------------------------------------------------------
// Two numbers as high + low, see above.
struct SplitPair {
  uint32_t high, low;
};
__device__ inline SplitPair split_pair(float first, float second) {
  const uint32_t high = bf16_pair(first, second);
  return {high, bf16_pair(first - to_float(bfloat16{static_cast<uint16_t>(high)}),
                          second - to_float(bfloat16{static_cast<uint16_t>(high >> 16)}))};
}

struct SplitA {
  FragmentA high, low;
};
// a = [left right], two results of (16, 8) side by side. No lane needs another lane's numbers.
__device__ inline SplitA split_a(const FragmentC& left, const FragmentC& right) {
  SplitA a;
#pragma unroll
  for (int place = 0; place < 4; ++place) {
    const float(&of)[4] = place < 2 ? left.at : right.at;
    const SplitPair pair = split_pair(of[place % 2 * 2], of[place % 2 * 2 + 1]);
    a.high.pair[place] = pair.high;
    a.low.pair[place] = pair.low;
  }
  return a;
}

// c += a b by two products, the small part first.
__device__ inline void mma(FragmentC& c, const SplitA& a, const FragmentB& b) {
  mma(c, a.low, b);
  mma(c, a.high, b);
}
// c[n] += a times columns [8n, 8n + 8) of rows [row, row + 16) of x, from `column` on.
template <int kCount, typename A, typename Rows>
__device__ void mma_rows(FragmentC (&c)[kCount], const A& a, const Rows& x, int row, int column) {
#pragma unroll
  for (int n = 0; n < kCount; n += 2) {
    const FragmentsB b = fragments_b(x, row, column + kMmaColumns * n);
    mma(c[n], a, b.half[0]);
    if (n + 1 < kCount) mma(c[n + 1], a, b.half[1]);
  }
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
