// Rounding to bf16 and pairs of neighbours in k, in registers of AVX-512: what the operands of our
// bf16 products are made of. For x86-64 only.
//
// A vector has 16 pairs. 16 vectors are a block of 16 items (rows of a, columns of b) by 16 pairs.
// Where the elements of an item lie together in memory, a vector is read from one item, else one
// pair from 16 items; turn() makes one of the other.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>

#include "core/dtype.h"

#define SORAGRAD_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

namespace soragrad::kernels {

constexpr int64_t kPairLanes = 16;  // pairs of a vector

struct alignas(64) PairBlock {
  __m512i row[kPairLanes];
};

constexpr __mmask16 kAllLanes = 0xffff;
inline __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>((1u << std::clamp<int64_t>(n, 0, kPairLanes)) - 1);
}

// 16 numbers from x on, zeros behind the first n.
SORAGRAD_AVX512_BF16 inline __m512 load_first(const float* x, int64_t n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), x);
}

// 16 numbers of bf16.
SORAGRAD_AVX512_BF16 inline __m512 widened(__m256i x) {
  return (__m512)_mm512_maskz_slli_epi32(kAllLanes, _mm512_maskz_cvtepu16_epi32(kAllLanes, x), 16);
}

// x0 and x1 as bf16, all of x0 first.
SORAGRAD_AVX512_BF16 inline __m512i rounded(__m512 x0, __m512 x1) {
  return (__m512i)_mm512_cvtne2ps_pbh(x1, x0);
}
// What rounding x0 and x1 to `high` lost, rounded.
// Intrinsics without a mask would make GCC 12 warn of its own header.
SORAGRAD_AVX512_BF16 inline __m512i rest_of(__m512i high, __m512 x0, __m512 x1) {
  return rounded(_mm512_sub_ps(x0, widened(_mm512_maskz_extracti64x4_epi64(0xf, high, 0))),
                 _mm512_sub_ps(x1, widened(_mm512_maskz_extracti64x4_epi64(0xf, high, 1))));
}

// From all of x0, then all of x1, to 16 pairs of an element of each.
SORAGRAD_AVX512_BF16 inline __m512i side_by_side(__m512i x) {
  alignas(64) static constexpr uint16_t kSideBySide[] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                         21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                         11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_maskz_permutexvar_epi16(~__mmask32{0}, _mm512_load_si512(kSideBySide), x);
}

// Lane j of row i becomes lane i of row j.
SORAGRAD_AVX512_BF16 inline void turn(PairBlock& block) {
  __m512i(&r)[kPairLanes] = block.row;
  __m512i t[kPairLanes];
  for (int i = 0; i < kPairLanes; i += 2) {
    t[i] = _mm512_maskz_unpacklo_epi32(kAllLanes, r[i], r[i + 1]);
    t[i + 1] = _mm512_maskz_unpackhi_epi32(kAllLanes, r[i], r[i + 1]);
  }
  for (int i = 0; i < kPairLanes; i += 4) {
    r[i] = _mm512_maskz_unpacklo_epi64(0xff, t[i], t[i + 2]);
    r[i + 1] = _mm512_maskz_unpackhi_epi64(0xff, t[i], t[i + 2]);
    r[i + 2] = _mm512_maskz_unpacklo_epi64(0xff, t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_maskz_unpackhi_epi64(0xff, t[i + 1], t[i + 3]);
  }
  // Quarter q of r[4i + c] now has column 4q + c of rows 4i to 4i + 3. What is left is to turn the
  // 4 x 4 quarters of r[c], r[4 + c], r[8 + c] and r[12 + c].
  constexpr int kEven = 0x88, kOdd = 0xdd;  // quarters 0 and 2, 1 and 3, of both
  for (int c = 0; c < 4; ++c) {
    const __m512i even0 = _mm512_maskz_shuffle_i32x4(kAllLanes, r[c], r[4 + c], kEven);
    const __m512i odd0 = _mm512_maskz_shuffle_i32x4(kAllLanes, r[c], r[4 + c], kOdd);
    const __m512i even1 = _mm512_maskz_shuffle_i32x4(kAllLanes, r[8 + c], r[12 + c], kEven);
    const __m512i odd1 = _mm512_maskz_shuffle_i32x4(kAllLanes, r[8 + c], r[12 + c], kOdd);
    t[c] = _mm512_maskz_shuffle_i32x4(kAllLanes, even0, even1, kEven);
    t[4 + c] = _mm512_maskz_shuffle_i32x4(kAllLanes, odd0, odd1, kEven);
    t[8 + c] = _mm512_maskz_shuffle_i32x4(kAllLanes, even0, even1, kOdd);
    t[12 + c] = _mm512_maskz_shuffle_i32x4(kAllLanes, odd0, odd1, kOdd);
  }
  for (int i = 0; i < kPairLanes; ++i) r[i] = t[i];
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
