// bf16 products by AVX-512's vdpbf16ps, which adds the products of two neighbours in k to an fp32
// sum: the `avx512` way of gemm_bf16.h. Call these functions only if bf16_way() is avx512.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels/linear/gemm_bf16.h"

namespace soragrad::kernels {

// Packs op(W) (k, n), rounded to bf16, into panels of kPanelColumns columns; the last panel and an
// odd k are filled up with zeros. Element (p, j) of a panel is at
//   ((p / 2) * kPanelColumns + j) * 2 + p % 2
size_t avx512_bf16_bytes(int64_t k, int64_t n);
void avx512_bf16_pack(const PackBf16Args& args);

// Elements of a row of the rounded a: k, rounded up to even.
constexpr int64_t avx512_bf16_pitch(int64_t k) {
  return k + k % 2;
}
// As gemm_bf16, but takes a already rounded: (m, avx512_bf16_pitch(k)), with a zero after an odd k.
void avx512_bf16_multiply(const GemmBf16Args& args, const bfloat16* a);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
