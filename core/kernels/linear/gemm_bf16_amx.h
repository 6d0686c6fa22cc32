// bf16 products by AMX, the tile registers of newer Xeons: the `amx` way of gemm_bf16.h.
#pragma once

#include "core/kernels/linear/gemm_bf16.h"

namespace soragrad::kernels {

// True if the processor has AMX for bf16 and the system lets this process use it.
bool has_amx_bf16();
// As gemm_bf16, but takes a already rounded, as bf16_rows() does; `packed` holds bf16_panels().
// Call it only if has_amx_bf16().
void amx_bf16_multiply(const GemmBf16Args& args, const bfloat16* a);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
