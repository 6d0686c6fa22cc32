// cuBLASLt multiplies bf16 operands natively and reads W or W^T at the same speed. So the packed
// form is W rounded to bf16, row-major, and serves forward and backward.
#include "core/kernels/linear/gemm_bf16.h"

#include "core/kernels/cuda.cuh"
#include "core/kernels/linear/cublas.cuh"

namespace soragrad::kernels {
namespace {

__global__ void to_bf16_kernel(const real* x, bfloat16* y, int64_t n) {
  const int64_t i = global_thread();
  if (i < n) y[i] = to_bfloat16(static_cast<float>(x[i]));
}

}  // namespace

void pack_bf16_cuda(const PackBf16Args& args) {
  const int64_t n = args.rows * args.columns;
  launch_elements(to_bf16_kernel, n, args.weight, reinterpret_cast<bfloat16*>(args.packed), n);
}

// Rounds a, then asks for c^T = op(W)^T a^T in column-major order, as gemm.cu explains.
void gemm_bf16_cuda(const GemmBf16Args& args) {
  if (args.m == 0 || args.n == 0) return;
  const Tensor a = Tensor::empty({args.m, args.k}, DType::bf16, Device::cuda);
  launch_elements(to_bf16_kernel, args.m * args.k, args.a, a.data<bfloat16>(), args.m * args.k);
  column_major_gemm({.transpose_a = args.transpose,
                     .transpose_b = false,
                     .m = args.n,
                     .n = args.m,
                     .k = args.k,
                     .operands = DType::bf16,
                     .a = args.packed,
                     .lda = args.transpose ? args.k : args.n,
                     .b = a.raw(),
                     .ldb = args.k,
                     .c = args.c,
                     .ldc = args.n,
                     .accumulate = args.accumulate,
                     .bias = args.bias});
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
