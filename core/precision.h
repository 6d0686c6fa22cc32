// The number format of products with a Linear's weight, and of attention's.
#pragma once

#include <cstdint>

namespace soragrad {

// bf16: both operands are rounded to it and multiplied with fp32 sums
// (core/kernels/linear/gemm_bf16.h, attention/attention.h); everything else stays fp32.
enum class Precision : uint8_t { fp32, bf16 };

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
