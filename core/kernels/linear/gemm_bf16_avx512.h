// bf16 products by AVX-512's vdpbf16ps, which adds the products of two neighbours in k to an fp32
// sum: the `avx512` way of gemm_bf16.h. Only where bf16_way() says so.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels/linear/gemm_bf16.h"

namespace soragrad::kernels {

// op(W) (k, n) in panels of kPanelColumns columns, the last filled up with zeros: element (p, j) of
// a panel stands at ((p / 2) * kPanelColumns + j) * 2 + p % 2.
size_t avx512_bf16_bytes(int64_t k, int64_t n);
void avx512_bf16_pack(const PackBf16Args& args);

// The pitch of a's rows: k, made even by a zero.
constexpr int64_t avx512_bf16_pitch(int64_t k) {
  return k + k % 2;
}
// As gemm_bf16, with a rounded already: (m, avx512_bf16_pitch(k)).
void avx512_bf16_multiply(const GemmBf16Args& args, const bfloat16* a);

}  // namespace soragrad::kernels
