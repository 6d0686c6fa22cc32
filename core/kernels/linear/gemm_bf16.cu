// cuBLASLt multiplies bf16 operands natively and reads W or W^T at the same speed. So the packed
// form is W rounded to bf16, row-major, and serves forward and backward.
#include "core/kernels/linear/gemm_bf16.h"

#include "core/kernels/linear/cublas.cuh"
#include "core/kernels/linear/to_bf16.cuh"

namespace soragrad::kernels {
void pack_bf16_cuda(const PackBf16Args& args) {
  to_bf16(args.weight, reinterpret_cast<bfloat16*>(args.packed), args.rows * args.columns);
}

// Rounds a, then asks for c^T = op(W)^T a^T in column-major order, as gemm.cu explains.
void gemm_bf16_cuda(const GemmBf16Args& args) {
  if (args.m == 0 || args.n == 0) return;
  const Tensor a = to_bf16(args.a, args.m, args.k);
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

// Row-major dw (out, in) is column-major (in, out) = x^T dy, as gemm.cu explains.
void weight_gradient_bf16_cuda(const WeightGradientBf16Args& args) {
  const Tensor x = to_bf16(args.x, args.rows, args.in), dy = to_bf16(args.dy, args.rows, args.out);
  column_major_gemm({.transpose_a = false,
                     .transpose_b = true,
                     .m = args.in,
                     .n = args.out,
                     .k = args.rows,
                     .operands = DType::bf16,
                     .a = x.raw(),
                     .lda = args.in,
                     .b = dy.raw(),
                     .ldb = args.out,
                     .c = args.dw,
                     .ldc = args.in,
                     .accumulate = args.accumulate,
                     .bias = nullptr});
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
