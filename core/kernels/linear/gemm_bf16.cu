// cuBLASLt multiplies bf16 operands natively and reads W or W^T at the same speed. So the packed
// form is W rounded to bf16, row-major, and serves forward and backward. A thread rounds eight
// successive numbers, which it writes as 16 bytes.
#include "core/kernels/linear/gemm_bf16.h"

#include "core/kernels/cuda.cuh"
#include "core/kernels/linear/cublas.cuh"

namespace soragrad::kernels {
namespace {

constexpr int kEight = 8;  // numbers of a thread
struct alignas(16) EightBf16 {
  bfloat16 at[kEight];
};

__global__ void to_bf16_kernel(const real* x, bfloat16* y, int64_t n) {
  const int64_t first = kEight * global_thread(), count = n - first;
  if (count <= 0) return;
  const Four low = load_fours<true>(x + first, count),
             high = load_fours<true>(x + first + 4, count);
  EightBf16 rounded;
  for (int c = 0; c < 4; ++c) {
    rounded.at[c] = to_bfloat16(static_cast<float>(low.at[c]));
    rounded.at[c + 4] = to_bfloat16(static_cast<float>(high.at[c]));
  }
  *reinterpret_cast<EightBf16*>(y + first) = rounded;
}

__global__ void any_to_bf16_kernel(const real* x, bfloat16* y, int64_t n) {
  const int64_t i = global_thread();
  if (i < n) y[i] = to_bfloat16(static_cast<float>(x[i]));
}

void to_bf16(const real* x, bfloat16* y, int64_t n) {
  if (n % kEight == 0 && in_fours(n, x, y)) {
    launch_elements(to_bf16_kernel, n / kEight, x, y, n);
  } else {
    launch_elements(any_to_bf16_kernel, n, x, y, n);
  }
}

}  // namespace

void pack_bf16_cuda(const PackBf16Args& args) {
  to_bf16(args.weight, reinterpret_cast<bfloat16*>(args.packed), args.rows * args.columns);
}

// Rounds a, then asks for c^T = op(W)^T a^T in column-major order, as gemm.cu explains.
void gemm_bf16_cuda(const GemmBf16Args& args) {
  if (args.m == 0 || args.n == 0) return;
  const Tensor a = Tensor::empty({args.m, args.k}, DType::bf16, Device::cuda);
  to_bf16(args.a, a.data<bfloat16>(), args.m * args.k);
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
