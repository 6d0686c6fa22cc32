// The frozen trunk's product in bf16: c = bf16(a) bf16(op(W)) [+ c] [+ bias] with fp32 sums. Both
// operands are rounded to bf16, to nearest even; a, c, bias and every sum are fp32.
//
// Native where the device multiplies bf16: CUDA, and CPUs of has_native_bf16(). Other CPUs multiply
// the rounded operands in fp32, where products of two bf16 numbers are exact, so that results
// differ by the order of sums alone. In the double build nothing is rounded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device.h"
#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

// How this CPU multiplies: rounded operands in fp32; our own kernel for AVX-512 BF16; or oneDNN,
// which knows AMX. With the environment variable SORAGRAD_BF16=onednn oneDNN takes AVX-512, too.
enum class Bf16Way : uint8_t { rounded, avx512, onednn };
Bf16Way bf16_way();

// W (rows, columns) as the product wants it. op(W) is W, or W^T with `transpose`.
struct PackBf16Args {
  const real* weight;
  std::byte* packed;  // packed_bf16_bytes(), aligned to 64
  int64_t rows, columns;
  bool transpose = false;
};
SORAGRAD_KERNEL(pack_bf16, PackBf16Args);

// Of op(W) (k, n). On CUDA W is packed the same for both op(W).
size_t packed_bf16_bytes(Device device, int64_t k, int64_t n);

struct GemmBf16Args {
  const real* a;            // (m, k)
  const std::byte* packed;  // of op(W) (k, n)
  real* c;                  // (m, n)
  int64_t m, n, k;
  bool transpose = false;      // as when W was packed
  bool accumulate = false;     // add to c instead of replacing it
  const real* bias = nullptr;  // (n), added to every row; not together with accumulate
};
inline Cost cost(const GemmBf16Args& g) {
  constexpr int64_t kBf16Bytes = 2;
  return {2.0 * static_cast<double>(g.m * g.n * g.k),
          traffic(g.m * g.k + g.m * g.n * (g.accumulate ? 2 : 1)).bytes +
              static_cast<double>(g.k * g.n * kBf16Bytes)};
}
SORAGRAD_KERNEL(gemm_bf16, GemmBf16Args);

}  // namespace soragrad::kernels
