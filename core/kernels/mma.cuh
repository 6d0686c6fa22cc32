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
// mma: c += a b. All 32 lanes of the warp take part.
#ifdef SORAGRAD_CUDA_EMULATION
inline uint32_t bf16_pair(float first, float second) {
  return to_bfloat16(first).bits | uint32_t{to_bfloat16(second).bits} << 16;
}
inline void mma(FragmentC& c, const FragmentA& a, const FragmentB& b) {
  cuda_emulation::mma_m16n8k16(c.at, a.pair, b.pair);
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
#endif

// -- Matrices in shared memory --------------------------------------------------------------------
// Rows of bf16 numbers in shared memory, stored in pairs. A row has room for 8 more columns: its
// length in words is then 4 modulo 8, and the 8 rows that a warp reads at once are in different
// banks.
template <int kRows, int kColumns>
struct alignas(16) Bf16Rows {
  static_assert(kColumns % kMmaDepth == 0);
  uint32_t pair[kRows][kColumns / 2 + 4];

  // The numbers of `column`, which is even, and column + 1.
  __device__ uint32_t at(int row, int column) const { return pair[row][column / 2]; }
  // One number, in the low half.
  __device__ uint32_t one(int row, int column) const {
    return pair[row][column / 2] >> (column % 2 * 16) & 0xffffu;
  }
};

// a = rows [row, row + 16) and columns [column, column + 16) of x.
template <typename Rows>
__device__ FragmentA fragment_a(const Rows& x, int row, int column) {
  const int r = row + group_of_lane(), c = column + 2 * place_in_group();
  return {{x.at(r, c), x.at(r + 8, c), x.at(r, c + 8), x.at(r + 8, c + 8)}};
}
// b = the transpose of rows [row, row + 8) and columns [column, column + 16) of x. a b then holds
// dot products of rows with rows, as q k^T does.
template <typename Rows>
__device__ FragmentB fragment_b_of_rows(const Rows& x, int row, int column) {
  const int r = row + group_of_lane(), c = column + 2 * place_in_group();
  return {{x.at(r, c), x.at(r, c + 8)}};
}
// b = rows [row, row + 16) and columns [column, column + 8) of x.
template <typename Rows>
__device__ FragmentB fragment_b(const Rows& x, int row, int column) {
  const int r = row + 2 * place_in_group(), c = column + group_of_lane();
  return {{x.one(r, c) | x.one(r + 1, c) << 16, x.one(r + 8, c) | x.one(r + 9, c) << 16}};
}

// -- Operands in two parts ------------------------------------------------------------------------
// a = high + low, see above.
struct SplitA {
  FragmentA high, low;
};

// Sets pair number `place` of both parts.
__device__ inline void split_pair(SplitA& a, int place, float first, float second) {
  const uint32_t high = bf16_pair(first, second);
  a.high.pair[place] = high;
  a.low.pair[place] = bf16_pair(first - to_float(bfloat16{static_cast<uint16_t>(high)}),
                                second - to_float(bfloat16{static_cast<uint16_t>(high >> 16)}));
}

// a = [left right], two results of (16, 8) side by side. No lane needs another lane's numbers.
__device__ inline SplitA split_a(const FragmentC& left, const FragmentC& right) {
  SplitA a;
  split_pair(a, 0, left.at[0], left.at[1]);
  split_pair(a, 1, left.at[2], left.at[3]);
  split_pair(a, 2, right.at[0], right.at[1]);
  split_pair(a, 3, right.at[2], right.at[3]);
  return a;
}
// a(r, c) = element(r, c), r and c < 16.
template <typename Element>
__device__ SplitA split_a(const Element& element) {
  const int r = group_of_lane(), c = 2 * place_in_group();
  SplitA a;
  split_pair(a, 0, element(r, c), element(r, c + 1));
  split_pair(a, 1, element(r + 8, c), element(r + 8, c + 1));
  split_pair(a, 2, element(r, c + 8), element(r, c + 9));
  split_pair(a, 3, element(r + 8, c + 8), element(r + 8, c + 9));
  return a;
}

// c += a b by two products, the small part first.
__device__ inline void mma(FragmentC& c, const SplitA& a, const FragmentB& b) {
  mma(c, a.low, b);
  mma(c, a.high, b);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
