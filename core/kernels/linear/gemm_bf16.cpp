// The three ways in which the CPU multiplies in bf16 (gemm_bf16.h); gemm_bf16_avx512.cpp has the
// arithmetic of one of them.
//
// Through oneDNN, c is cut into blocks of at most 128 x 384 by its shape alone, one task each, as
// in gemm.cpp. A block is computed into scratch memory, with its rows padded to a multiple of 8, so
// that oneDNN generates code for few sizes. The epilogue adds bias or c while the block is in the
// cache.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/linear/gemm_bf16.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/kernels/linear/gemm.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/kernels/linear/gemm_bf16_avx512.h"
#include "core/kernels/linear/gemm_tasks.h"
#include "core/kernels/linear/onednn.h"
#include "core/kernels/linear/transpose.h"
#include "core/parallel.h"
#include "core/storage.h"
#include "core/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

void to_bf16_loop(const real* HWY_RESTRICT x, bfloat16* HWY_RESTRICT y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = to_bfloat16(static_cast<float>(x[i]));
}

// Rounds to bf16 and back; in the double build it copies.
void round_loop(const real* x, real* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    y[i] = sizeof(real) == 8 ? x[i] : to_float(to_bfloat16(static_cast<float>(x[i])));
  }
}

// The epilogue of oneDNN's way: y = x [+ y] or x [+ bias], one row of a block.
void store_loop(const float* HWY_RESTRICT x, const real* HWY_RESTRICT bias, bool accumulate,
                real* HWY_RESTRICT y, int64_t n) {
  if (accumulate) {
    for (int64_t i = 0; i < n; ++i) y[i] += x[i];
  } else if (bias) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] + bias[i];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i];
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

void multiply_rounded(const GemmBf16Args& args) {
  const Storage rounded(Device::cpu, static_cast<size_t>(args.m * args.k) * sizeof(real));
  auto* a = reinterpret_cast<real*>(rounded.data());
  parallel_chunks(args.m * args.k, kMathGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(round_loop)(args.a + begin, a + begin, end - begin);
  });
  gemm_cpu({.a = a,
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

// -- bf16 operands: AVX-512 BF16 ------------------------------------------------------------------
HWY_EXPORT(to_bf16_loop);

// a rounded to bf16, (rows, pitch), with zeros beyond its k columns and m rows.
Tensor rounded_rows(const GemmBf16Args& args, int64_t rows, int64_t pitch) {
  Tensor rounded = Tensor::empty({rows, pitch}, DType::bf16);
  bfloat16* a = rounded.data<bfloat16>();
  parallel_chunks(args.m, rows_of_task(kMathGrain, args.k), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      HWY_DYNAMIC_DISPATCH(to_bf16_loop)
      (args.a + row * args.k, a + row * pitch, args.k);
      std::fill(a + row * pitch + args.k, a + (row + 1) * pitch, bfloat16{});
    }
  });
  std::fill(a + args.m * pitch, a + rows * pitch, bfloat16{});
  return rounded;
}

void multiply_avx512(const GemmBf16Args& args) {
  const Tensor rounded = rounded_rows(args, args.m, avx512_bf16_pitch(args.k));
  avx512_bf16_multiply(args, rounded.data<bfloat16>());
}

// -- bf16 operands: oneDNN ------------------------------------------------------------------------
#ifdef SORAGRAD_REAL_DOUBLE

size_t onednn_bytes(int64_t, int64_t) {
  return 0;
}
void pack_onednn(const PackBf16Args&) {}
void multiply_onednn(const GemmBf16Args&) {}

#else

constexpr int64_t kRowBlock = 128, kColumnBlock = 384;  // of c, the most of one task
constexpr int64_t kRowStep = 8;                         // rows are padded to a multiple of it

// oneDNN's product of `rows` rows (rounded up) with a panel of op(W). Panels have kColumnBlock
// columns; the last may have fewer. All before the last take full_panel_bytes().
const Bf16Product& panel(int64_t rows, int64_t columns, int64_t k) {
  return Bf16Product::of(ceil_div(rows, kRowStep) * kRowStep, columns, k);
}
size_t full_panel_bytes(int64_t n, int64_t k) {
  return panel(kRowBlock, std::min(n, kColumnBlock), k).packed_bytes();
}

size_t onednn_bytes(int64_t k, int64_t n) {
  const int64_t before_last = ceil_div(n, kColumnBlock) - 1;
  return static_cast<size_t>(before_last) * full_panel_bytes(n, k) +
         panel(kRowBlock, n - before_last * kColumnBlock, k).packed_bytes();
}

void pack_onednn(const PackBf16Args& args) {
  const int64_t k = args.transpose ? args.columns : args.rows;
  const int64_t n = args.transpose ? args.rows : args.columns;
  const int64_t row_stride = args.transpose ? 1 : n, column_stride = args.transpose ? k : 1;
  const size_t panel_bytes = full_panel_bytes(n, k);
  parallel_for(ceil_div(n, kColumnBlock), [&](int64_t task) {
    const int64_t column = task * kColumnBlock;
    panel(kRowBlock, std::min(kColumnBlock, n - column), k)
        .pack(args.weight + column * column_stride, row_stride, column_stride,
              args.packed + static_cast<size_t>(task) * panel_bytes);
  });
}

HWY_EXPORT(store_loop);

void multiply_onednn(const GemmBf16Args& args) {
  const int64_t m = args.m, n = args.n, k = args.k;
  const Tensor rounded = rounded_rows(args, ceil_div(m, kRowStep) * kRowStep, k);
  const auto* a = rounded.data<bfloat16>();
  const int64_t row_blocks = ceil_div(m, kRowBlock);
  const size_t panel_bytes = full_panel_bytes(n, k);
  parallel_for(row_blocks * ceil_div(n, kColumnBlock), [&](int64_t task) {
    // Neighbouring tasks share a panel of op(W), the larger operand, in the caches.
    const int64_t row = task % row_blocks * kRowBlock, number = task / row_blocks;
    const int64_t column = number * kColumnBlock;
    const int64_t rows = std::min(kRowBlock, m - row), columns = std::min(kColumnBlock, n - column);
    thread_local const auto block = std::make_unique<float[]>(kRowBlock * kColumnBlock);
    panel(rows, columns, k)
        .multiply(a + row * k, args.packed + static_cast<size_t>(number) * panel_bytes,
                  block.get());
    for (int64_t i = 0; i < rows; ++i) {
      HWY_DYNAMIC_DISPATCH(store_loop)
      (block.get() + i * columns, args.bias ? args.bias + column : nullptr, args.accumulate,
       args.c + (row + i) * n + column, columns);
    }
  });
}

#endif

size_t rounded_bytes(int64_t k, int64_t n) {
  return static_cast<size_t>(k * n) * sizeof(real);
}

// The functions of one Bf16Way: packed size, packing, product.
struct Way {
  size_t (*bytes)(int64_t k, int64_t n);
  void (*pack)(const PackBf16Args&);
  void (*multiply)(const GemmBf16Args&);
};
constexpr Way kWays[] = {{rounded_bytes, pack_rounded, multiply_rounded},  // in Bf16Way's order
                         {avx512_bf16_bytes, avx512_bf16_pack, multiply_avx512},
                         {onednn_bytes, pack_onednn, multiply_onednn}};
const Way& way() {
  return kWays[static_cast<size_t>(bf16_way())];
}

}  // namespace

Bf16Way bf16_way() {
  static const Bf16Way way = [] {
    if (sizeof(real) == 8 || !has_native_bf16()) return Bf16Way::rounded;
    const char* wish = std::getenv("SORAGRAD_BF16");
    const bool wants_onednn = wish && std::string_view(wish) == "onednn";
    return wants_onednn || !prefers_avx512_bf16() ? Bf16Way::onednn : Bf16Way::avx512;
  }();
  return way;
}

size_t packed_bf16_bytes(Device device, int64_t k, int64_t n) {
  return device == Device::cuda ? static_cast<size_t>(k * n) * sizeof(bfloat16) : way().bytes(k, n);
}

void pack_bf16_cpu(const PackBf16Args& args) {
  way().pack(args);
}

void gemm_bf16_cpu(const GemmBf16Args& args) {
  if (args.m > 0 && args.n > 0) way().multiply(args);
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
