// Products of bf16 tiles on tensor cores: mma.sync m16n8k16, c (16, 8) += a (16, 16) b (16, 8),
// with fp32 sums. The warp's 32 lanes hold the matrices in pieces ("fragments"; PTX ISA, "Matrix
// fragments for mma.m16n8k16"). With g = lane / 4 and t = lane % 4, a lane has
//   a  rows g and g + 8; of each, columns 2t, 2t + 1 and 2t + 8, 2t + 9
//   b  column g; rows 2t, 2t + 1 and 2t + 8, 2t + 9
//   c  rows g and g + 8; of each, columns 2t and 2t + 1
// Two neighbours of bf16 share a register, the one of smaller index in its low half.
//
// A number that is an operand in its own right, as a probability, is split in two: x = high + low
// with high = bf16(x), low = bf16(x - high). Two products then give x to 2^-17, for a rounding of
// x to bf16 alone would be the largest error of all.
#pragma once

#include <cstdint>

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {

constexpr int kMmaRows = 16, kMmaColumns = 8, kMmaDepth = 16;

struct FragmentA {
  uint32_t pair[4];  // (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8): row and first column
};
struct FragmentB {
  uint32_t pair[2];  // rows 2t and 2t + 8 of column g
};
struct FragmentC {
  float at[4];  // (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
};

__device__ inline int group_of_lane() {
  return lane_index() / 4;
}
__device__ inline int place_in_group() {
  return lane_index() % 4;
}
// Where element e of a lane's FragmentC is.
__device__ inline int fragment_row(int e) {
  return group_of_lane() + e / 2 * 8;
}
__device__ inline int fragment_column(int e) {
  return 2 * place_in_group() + e % 2;
}

// Two numbers rounded to bf16, to nearest even; and the product.
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
// Rows of bf16 by pairs. 8 more than a multiple of 16 columns: lanes that read 8 rows at once meet
// no bank twice.
template <int kRows, int kColumns>
struct alignas(16) Bf16Rows {
  static_assert(kColumns % kMmaDepth == 0);
  uint32_t pair[kRows][kColumns / 2 + 4];

  __device__ uint32_t at(int row, int column) const {  // column and the next; column is even
    return pair[row][column / 2];
  }
  __device__ uint32_t one(int row, int column) const {
    return pair[row][column / 2] >> (column % 2 * 16) & 0xffffu;
  }
};

// Rows [row, row + 16) and columns [column, column + 16) of x.
template <typename Rows>
__device__ FragmentA fragment_a(const Rows& x, int row, int column) {
  const int r = row + group_of_lane(), c = column + 2 * place_in_group();
  return {{x.at(r, c), x.at(r + 8, c), x.at(r, c + 8), x.at(r + 8, c + 8)}};
}
// b = the transpose of rows [row, row + 8) and columns [column, column + 16) of x: a b is a product
// of rows with rows.
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
struct SplitA {
  FragmentA high, low;
};

__device__ inline void split_pair(SplitA& a, int place, float first, float second) {
  const uint32_t high = bf16_pair(first, second);
  a.high.pair[place] = high;
  a.low.pair[place] = bf16_pair(first - to_float(bfloat16{static_cast<uint16_t>(high)}),
                                second - to_float(bfloat16{static_cast<uint16_t>(high >> 16)}));
}

// Of two results that stand side by side, (16, 8) each.
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

__device__ inline void mma(FragmentC& c, const SplitA& a, const FragmentB& b) {
  mma(c, a.low, b);
  mma(c, a.high, b);
}

}  // namespace soragrad::kernels
