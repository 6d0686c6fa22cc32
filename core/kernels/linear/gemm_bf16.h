// The trunk's products in bf16: c = bf16(a) bf16(op(W)) [+ c] [+ bias], and the gradient of W. Both
// operands are rounded to bf16, to nearest even. In memory a, c and bias are fp32, and so is every
// sum.
//
// CUDA and CPUs with has_native_bf16() multiply bf16 natively. Other CPUs multiply the rounded
// operands in fp32. The product of two bf16 numbers is exact in fp32, so results differ by the
// order of sums alone. In the double build nothing is rounded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device.h"
#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

// How this CPU multiplies:
//   rounded   rounded operands in fp32, by gemm
//   avx512    AVX-512 BF16 (gemm_bf16_avx512.cpp)
//   amx       AMX (gemm_bf16_amx.cpp)
// Chosen once a process, from the processor. SORAGRAD_BF16=rounded or avx512 in the environment
// takes that way on a processor that has a better one.
enum class Bf16Way : uint8_t { rounded, avx512, amx };
Bf16Way bf16_way();
// "native, by AMX" and so on, for people.
const char* bf16_way_text();

// Packs W (rows, columns) in the layout of this device's product. op(W) is W, or W^T with
// `transpose`.
struct PackBf16Args {
  const real* weight;
  std::byte* packed;  // packed_bf16_bytes(), aligned to 64
  int64_t rows, columns;
  bool transpose = false;
};
SORAGRAD_KERNEL(pack_bf16, PackBf16Args);

// Size in bytes of the packed op(W) (k, n). CUDA packs W the same way for both op(W).
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

// The gradient of a weight, dw (out, in) = bf16(dy)^T bf16(x) [+ dw]: the sum over the rows.
struct WeightGradientBf16Args {
  const real* dy;  // (rows, out)
  const real* x;   // (rows, in)
  real* dw;
  int64_t rows, out, in;
  bool accumulate = false;  // add to dw instead of replacing it
};
inline Cost cost(const WeightGradientBf16Args& g) {
  return {2.0 * static_cast<double>(g.rows * g.out * g.in),
          traffic(g.rows * (g.out + g.in) + g.out * g.in * (g.accumulate ? 2 : 1)).bytes};
}
SORAGRAD_KERNEL(weight_gradient_bf16, WeightGradientBf16Args);
// The same on the CPU, for a way other than rounded, of operands that bf16_rows() has made of dy
// and bf16_panels() of x (bf16_operands.h): args.dy and args.x are not read. The profile does not
// show it.
void weight_gradient_of_operands(const WeightGradientBf16Args& args, const bfloat16* dy,
                                 const bfloat16* x);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
