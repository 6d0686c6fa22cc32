// bf16 products by AVX-512's vdpbf16ps, which adds the products of two neighbours in k to an fp32
// sum: the `avx512` way of gemm_bf16.h. Call it only if bf16_way() is avx512.
#pragma once

#include "core/kernels/linear/gemm_bf16.h"

namespace soragrad::kernels {

// As gemm_bf16, but takes a already rounded, as bf16_rows() does; `packed` holds bf16_panels().
void avx512_bf16_multiply(const GemmBf16Args& args, const bfloat16* a);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
