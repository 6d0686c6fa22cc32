// The products of attention in bf16 on a CPU with AMX, on one thread: c (m, n) = a (m, k) b (k, n),
// or added to c. Operands and c are fp32 in memory, as those of small_gemm-inl.h, and sums are
// fp32. b is rounded to bf16. a is rounded, or split into two bf16 numbers, which keep it to 2^-17.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace soragrad::kernels {

// Element (i, j) is data[i * row_stride + j * column_stride]; one of the strides is 1.
struct MatrixView {
  const real* data;
  int64_t row_stride, column_stride;
};

struct SmallGemmBf16Args {
  int64_t m, n, k;
  MatrixView a, b;
  real* c;
  int64_t ldc;  // elements from one row of c to the next
  bool split_a;
  bool accumulate;
};
// Call it only if has_amx_bf16(). Elements of c beyond n columns stay as they are.
void small_gemm_bf16(const SmallGemmBf16Args& args);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
