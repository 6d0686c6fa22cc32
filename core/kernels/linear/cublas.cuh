// The one door to cuBLASLt: a matrix product in its own convention, column-major.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/error.h"

namespace soragrad::kernels {

// c (m, n) = op(a) (m, k) op(b) (k, n) [+ c] [+ bias down every column]; each column of a stored
// matrix begins `ld` elements after the one before. Sums are fp32, operands fp32 (no TF32) or bf16.
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
};
// cuBLASLt may read a bias 16 bytes at a time; unlike for a, b and c it cannot be told otherwise.
inline void require_aligned(const real* bias) {
  require(reinterpret_cast<uintptr_t>(bias) % 16 == 0,
          "[gemm] the bias begins {} bytes past a multiple of 16; give it a block of its own.",
          reinterpret_cast<uintptr_t>(bias) % 16);
}
void column_major_gemm(const ColumnMajorGemm& args);

}  // namespace soragrad::kernels
