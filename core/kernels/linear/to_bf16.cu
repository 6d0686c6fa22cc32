// A thread rounds eight successive numbers, which it writes as 16 bytes.
#include "core/kernels/linear/to_bf16.cuh"

#include "core/kernels/cuda.cuh"

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

}  // namespace

void to_bf16(const real* x, bfloat16* y, int64_t n) {
  if (n % kEight == 0 && in_fours(n, x, y)) {
    launch_elements(to_bf16_kernel, n / kEight, x, y, n);
  } else {
    launch_elements(any_to_bf16_kernel, n, x, y, n);
  }
}

Tensor to_bf16(const real* x, int64_t rows, int64_t columns) {
  Tensor y = Tensor::empty({rows, columns}, DType::bf16, Device::cuda);
  to_bf16(x, y.data<bfloat16>(), rows * columns);
  return y;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
