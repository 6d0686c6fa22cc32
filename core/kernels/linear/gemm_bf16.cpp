// The ways in which the CPU multiplies in bf16 (gemm_bf16.h). gemm_bf16_avx512.cpp and
// gemm_bf16_amx.cpp have the arithmetic of two of them, bf16_operands.cpp lays out their operands.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/linear/gemm_bf16.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <cstdlib>
#include <string_view>

#include "core/kernels/linear/bf16_operands.h"
#include "core/kernels/linear/gemm.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/kernels/linear/gemm_bf16_amx.h"
#include "core/kernels/linear/gemm_bf16_avx512.h"
#include "core/kernels/linear/onednn.h"
#include "core/kernels/linear/transpose.h"
#include "core/parallel.h"
#include "core/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// Rounds to bf16 and back; in the double build it copies.
void round_loop(const real* x, real* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    y[i] = sizeof(real) == 8 ? x[i] : to_float(to_bfloat16(static_cast<float>(x[i])));
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {
namespace {

// -- Rounded operands, multiplied in fp32 ---------------------------------------------------------
HWY_EXPORT(round_loop);

// Packed form of this way: op(W), rounded to bf16 and kept as reals, row-major.
void pack_rounded(const PackBf16Args& args) {
  auto* packed = reinterpret_cast<real*>(args.packed);
  const real* weight = args.weight;
  if (args.transpose) {
    transpose(Device::cpu, {weight, packed, args.rows, args.columns});
    weight = packed;
  }
  parallel_chunks(args.rows * args.columns, kMathGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(round_loop)(weight + begin, packed + begin, end - begin);
  });
}

Tensor rounded_copy(const real* x, int64_t n) {
  Tensor copy = Tensor::empty({n});
  real* y = copy.data();
  parallel_chunks(n, kMathGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(round_loop)(x + begin, y + begin, end - begin);
  });
  return copy;
}

void multiply_rounded(const GemmBf16Args& args) {
  const Tensor a = rounded_copy(args.a, args.m * args.k);
  gemm_cpu({.a = a.data(),
            .b = reinterpret_cast<const real*>(args.packed),
            .c = args.c,
            .m = args.m,
            .n = args.n,
            .k = args.k,
            .lda = args.k,
            .ldb = args.n,
            .ldc = args.n,
            .accumulate = args.accumulate,
            .bias = args.bias});
}

void weight_gradient_rounded(const WeightGradientBf16Args& args) {
  const Tensor dy = rounded_copy(args.dy, args.rows * args.out);
  const Tensor x = rounded_copy(args.x, args.rows * args.in);
  gemm_cpu({.a = dy.data(),
            .b = x.data(),
            .c = args.dw,
            .m = args.out,
            .n = args.in,
            .k = args.rows,
            .lda = args.out,
            .ldb = args.in,
            .ldc = args.in,
            .transpose_a = true,
            .accumulate = args.accumulate});
}

// -- bf16 operands: AVX-512 BF16 and AMX ----------------------------------------------------------
Tensor empty_bf16(int64_t elements) {
  return Tensor::empty({elements}, DType::bf16);
}

void pack_for_pairs(const PackBf16Args& args) {
  const int64_t k = args.transpose ? args.columns : args.rows;
  const int64_t n = args.transpose ? args.rows : args.columns;
  bf16_panels(args.weight, k, n, args.transpose, reinterpret_cast<bfloat16*>(args.packed));
}

void multiply_pairs(const GemmBf16Args& args, const bfloat16* a) {
  bf16_way() == Bf16Way::amx ? amx_bf16_multiply(args, a) : avx512_bf16_multiply(args, a);
}

void multiply_by_pairs(const GemmBf16Args& args) {
  const Tensor a = empty_bf16(bf16_rows_elements(args.m, args.k));
  bf16_rows(args.a, args.m, args.k, false, a.data<bfloat16>());
  multiply_pairs(args, a.data<bfloat16>());
}

// The rows of dy are the product's k.
void weight_gradient_by_pairs(const WeightGradientBf16Args& args) {
  const Tensor dy = empty_bf16(bf16_rows_elements(args.out, args.rows));
  const Tensor x = empty_bf16(bf16_panels_elements(args.in, args.rows));
  bf16_rows(args.dy, args.out, args.rows, true, dy.data<bfloat16>());
  bf16_panels(args.x, args.rows, args.in, false, x.data<bfloat16>());
  weight_gradient_of_operands(args, dy.data<bfloat16>(), x.data<bfloat16>());
}

bool multiplies_pairs() {
  return bf16_way() != Bf16Way::rounded;
}

}  // namespace

Bf16Way bf16_way() {
  static const Bf16Way way = [] {
    const char* variable = std::getenv("SORAGRAD_BF16");
    const std::string_view wish = variable ? variable : "";
    if (sizeof(real) == 8 || !has_native_bf16() || wish == "rounded") return Bf16Way::rounded;
    return wish == "avx512" || !has_amx_bf16() ? Bf16Way::avx512 : Bf16Way::amx;
  }();
  return way;
}

const char* bf16_way_text() {
  constexpr const char* kTexts[] = {"rounded operands, multiplied in fp32",  // in Bf16Way's order
                                    "native, by AVX-512", "native, by AMX"};
  return kTexts[static_cast<size_t>(bf16_way())];
}

size_t packed_bf16_bytes(Device device, int64_t k, int64_t n) {
  const bool in_pairs = device == Device::cpu && multiplies_pairs();
  const int64_t elements = in_pairs ? bf16_panels_elements(n, k) : k * n;
  const bool as_reals = device == Device::cpu && !in_pairs;
  return static_cast<size_t>(elements) * (as_reals ? sizeof(real) : sizeof(bfloat16));
}

void pack_bf16_cpu(const PackBf16Args& args) {
  multiplies_pairs() ? pack_for_pairs(args) : pack_rounded(args);
}

void gemm_bf16_cpu(const GemmBf16Args& args) {
  if (args.m == 0 || args.n == 0) return;
  multiplies_pairs() ? multiply_by_pairs(args) : multiply_rounded(args);
}

void weight_gradient_of_operands(const WeightGradientBf16Args& args, const bfloat16* dy,
                                 const bfloat16* x) {
  multiply_pairs({.a = nullptr,
                  .packed = reinterpret_cast<const std::byte*>(x),
                  .c = args.dw,
                  .m = args.out,
                  .n = args.in,
                  .k = args.rows,
                  .accumulate = args.accumulate},
                 dy);
}

void weight_gradient_bf16_cpu(const WeightGradientBf16Args& args) {
  multiplies_pairs() ? weight_gradient_by_pairs(args) : weight_gradient_rounded(args);
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
