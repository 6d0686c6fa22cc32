// cuBLASLt is column-major. A row-major matrix read as column-major is its transpose, so
// c = op(a) op(b) is requested as c^T = op(b)^T op(a)^T: the operands swap and keep their flags.
#include "core/kernels/linear/gemm.h"

#include "core/cuda_runtime.h"
#include "core/kernels/linear/cublas.cuh"

namespace soragrad::kernels {

void gemm_cuda(const GemmArgs& args) {
  if (args.m == 0 || args.n == 0) return;
  if (args.k == 0) {  // an empty sum, which cuBLASLt refuses
    require(!args.bias && args.ldc == args.n, "[gemm] a product over no elements takes no bias.");
    if (!args.accumulate) cuda::fill_zero(args.c, args.m * args.n * sizeof(real));
    return;
  }
  column_major_gemm({.transpose_a = args.transpose_b,
                     .transpose_b = args.transpose_a,
                     .m = args.n,
                     .n = args.m,
                     .k = args.k,
                     .operands = kReal,
                     .a = args.b,
                     .lda = args.ldb,
                     .b = args.a,
                     .ldb = args.lda,
                     .c = args.c,
                     .ldc = args.ldc,
                     .accumulate = args.accumulate,
                     .bias = args.bias});
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
