// The only use of cuBLASLt: a matrix product in its own convention, column-major.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/error.h"

namespace soragrad::kernels {

// c (m, n) = op(a) (m, k) op(b) (k, n) [+ c] [+ bias, added to every column]. Each column of a
// stored matrix begins `ld` elements after the previous one. Sums are fp32; operands are fp32 (no
// TF32) or bf16.
struct ColumnMajorGemm {
  bool transpose_a, transpose_b;
  int64_t m, n, k;  // all positive
  DType operands;   // of a and b: kReal or bf16
  const void* a;
  int64_t lda;
  const void* b;
  int64_t ldb;
  real* c;
  int64_t ldc;
  bool accumulate;   // add to c instead of replacing it
  const real* bias;  // (m) or null; not together with accumulate
  // Several products of these sizes: each matrix, and the bias, begins that many elements after
  // that of the product before. 0: all read the same one.
  struct Batch {
    int64_t count = 1, a = 0, b = 0, c = 0, bias = 0;
  } batch = {};
};
// Throws if the bias is not aligned to 16 bytes: cuBLASLt may read it 16 bytes at a time.
inline void require_aligned(const real* bias) {
  require(reinterpret_cast<uintptr_t>(bias) % 16 == 0,
          "[gemm] the bias begins {} bytes past a multiple of 16; give it a block of its own.",
          reinterpret_cast<uintptr_t>(bias) % 16);
}
// Queues the product in the one stream. Throws Error with cuBLASLt's status if it is refused.
void column_major_gemm(const ColumnMajorGemm& args);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
