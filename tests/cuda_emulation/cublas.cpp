// A plain loop in place of cuBLASLt.
#include "core/kernels/linear/cublas.cuh"
#include "core/cuda_runtime.h"
#include "tests/cuda_emulation/cuda_emulation.h"

namespace soragrad {
namespace {

void multiply(const kernels::ColumnMajorGemm& args) {
  const auto element = [&](const void* matrix, int64_t index) {
    return args.operands == DType::bf16
               ? static_cast<real>(to_float(static_cast<const bfloat16*>(matrix)[index]))
               : static_cast<const real*>(matrix)[index];
  };
  const auto a = [&](int64_t i, int64_t p) {
    return element(args.a, args.transpose_a ? p + i * args.lda : i + p * args.lda);
  };
  const auto b = [&](int64_t p, int64_t j) {
    return element(args.b, args.transpose_b ? j + p * args.ldb : p + j * args.ldb);
  };
  for (int64_t j = 0; j < args.n; ++j) {
    for (int64_t i = 0; i < args.m; ++i) {
      real sum = 0;
      for (int64_t p = 0; p < args.k; ++p) sum += a(i, p) * b(p, j);
      real& c = args.c[i + j * args.ldc];
      c = sum + (args.accumulate ? c : args.bias ? args.bias[i] : real(0));
    }
  }
}

}  // namespace

void kernels::column_major_gemm(const ColumnMajorGemm& args) {
  require_aligned(args.bias);
  cuda_emulation::enqueue([=] { multiply(args); });
  cuda::count_operation();
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
