// Operands of the bf16 products: y = x rounded to bf16, to nearest even.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/tensor.h"

namespace soragrad::kernels {

// Queues the rounding of n numbers.
void to_bf16(const real* x, bfloat16* y, int64_t n);
// The same into a new tensor (rows, columns).
Tensor to_bf16(const real* x, int64_t rows, int64_t columns);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
