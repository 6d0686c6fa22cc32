// General matrix product c = op(a) op(b) [+ c] [+ bias], row-major with leading dimensions. It is
// the only way to the vendor's GEMM: oneDNN on the CPU, cuBLASLt on CUDA, both in full fp32 (no
// TF32). Products with a frozen weight go through gemm_packed.h or gemm_bf16.h instead.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct GemmArgs {
  const real* a;  // op(a) is (m, k)
  const real* b;  // op(b) is (k, n)
  real* c;        // (m, n)
  int64_t m, n, k;
  int64_t lda, ldb, ldc;       // elements from one stored row to the next
  bool transpose_a = false;    // a is stored (k, m)
  bool transpose_b = false;    // b is stored (n, k)
  bool accumulate = false;     // add to c instead of replacing it
  const real* bias = nullptr;  // (n), added to every row; not together with accumulate
};
inline Cost cost(const GemmArgs& g) {
  return {2.0 * static_cast<double>(g.m * g.n * g.k),
          traffic(g.m * g.k + g.k * g.n + g.m * g.n * (g.accumulate ? 2 : 1)).bytes};
}
SORAGRAD_KERNEL(gemm, GemmArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
