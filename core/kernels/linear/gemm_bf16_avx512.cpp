// The bf16 product by AVX-512's vdpbf16ps, which takes two neighbours in k at once:
//   lane j of the sum += a[2q] b[2q][j] + a[2q + 1] b[2q + 1][j]
//
// W is packed in panels of 64 columns. A 64-byte load of a panel is 16 columns of two neighbours in
// k (gemm_bf16_avx512.h has the layout). A task is a block of 48 to 192 rows of a times one panel,
// as in gemm_packed.cpp; the panel, k * 128 bytes, stays in the second-level cache.
//
// A tile is 6 rows by 64 columns: 24 vectors of fp32 sums stay in registers over all of k. Each
// step of two in k loads four vectors of the panel and broadcasts six pairs of a, for 24 vdpbf16ps,
// so the arithmetic is the limit. The epilogue adds the bias and the old c and stores under a mask.
// At the end of a block the tile has 3, 2 or 1 rows.
//
// Each element of c is summed in the order of k in one register lane, so neither the thread count
// nor the cut into tasks changes a bit. Measured on a Zen 4 core with its data in caches: 234
// GFLOP/s, the peak.
#include "core/kernels/linear/gemm_bf16_avx512.h"

#include "core/error.h"
#include "core/kernels/linear/gemm_tasks.h"
#include "core/parallel.h"

#if defined(__x86_64__) && !defined(SORAGRAD_REAL_DOUBLE)
#include <immintrin.h>

#include <algorithm>
#include <cstring>

namespace soragrad::kernels {
namespace {

#define SORAGRAD_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

constexpr int kVectors = 4, kLanes = 16;
static_assert(kVectors * kLanes == kPanelColumns);

// Where a tile's sums go: the first `columns` of 64 in each row of c.
struct Target {
  float* c;
  int64_t pitch, columns;  // pitch: elements from one row of c to the next
  const float* bias;       // of these columns, or null
  bool accumulate;
};

// The epilogue of one row.

SORAGRAD_AVX512_BF16 inline void finish_row(const __m512 (&sums)[kVectors], const Target& to,
                                            float* c) {
  for (int v = 0; v < kVectors; ++v) {
    const int64_t left = to.columns - v * kLanes;
    if (left <= 0) return;
    const auto mask = static_cast<__mmask16>(left >= kLanes ? 0xffff : (1 << left) - 1);
    __m512 sum = sums[v];
    if (to.bias) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, to.bias + v * kLanes));
    if (to.accumulate) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, c + v * kLanes));
    _mm512_mask_storeu_ps(c + v * kLanes, mask, sum);
  }
}

// One tile over all of k. `pitch` is the (even) length of a row of a; rows follow each other.
template <int Rows>
SORAGRAD_AVX512_BF16 void multiply_tile(const bfloat16* a, int64_t pitch, const bfloat16* panel,
                                        const Target& to) {
  __m512 sums[Rows][kVectors];
  for (int i = 0; i < Rows; ++i) {
    for (int v = 0; v < kVectors; ++v) sums[i][v] = _mm512_setzero_ps();
  }
  for (int64_t p = 0; p < pitch; p += 2, panel += 2 * kPanelColumns) {
    __m512bh columns[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      columns[v] = (__m512bh)_mm512_loadu_si512(panel + 2 * kLanes * v);
    }
    for (int i = 0; i < Rows; ++i) {
      int32_t pair;
      std::memcpy(&pair, a + i * pitch + p, sizeof(pair));
      const auto x = (__m512bh)_mm512_set1_epi32(pair);
      for (int v = 0; v < kVectors; ++v) {
        sums[i][v] = _mm512_dpbf16_ps(sums[i][v], x, columns[v]);
      }
    }
  }
  for (int i = 0; i < Rows; ++i) finish_row(sums[i], to, to.c + i * to.pitch);
}

// One task: all rows of a block, tile by tile.
void multiply_panel(int64_t rows, const bfloat16* a, int64_t pitch, const bfloat16* panel,
                    Target to) {
  const auto advance = [&](int64_t taken) {
    rows -= taken;
    a += taken * pitch;
    to.c += taken * to.pitch;
  };
  for (; rows >= kRowsOfTile; advance(kRowsOfTile)) {
    multiply_tile<kRowsOfTile>(a, pitch, panel, to);
  }
  if (rows >= 3) {
    multiply_tile<3>(a, pitch, panel, to);
    advance(3);
  }
  if (rows == 2) multiply_tile<2>(a, pitch, panel, to);
  if (rows == 1) multiply_tile<1>(a, pitch, panel, to);
}

int64_t panel_elements(int64_t k) {
  return avx512_bf16_pitch(k) * kPanelColumns;
}

}  // namespace

size_t avx512_bf16_bytes(int64_t k, int64_t n) {
  return static_cast<size_t>(ceil_div(n, kPanelColumns) * panel_elements(k)) * sizeof(bfloat16);
}

void avx512_bf16_pack(const PackBf16Args& args) {
  const int64_t k = args.transpose ? args.columns : args.rows;
  const int64_t n = args.transpose ? args.rows : args.columns;
  const int64_t row_stride = args.transpose ? 1 : n, column_stride = args.transpose ? k : 1;
  parallel_for(ceil_div(n, kPanelColumns), [&](int64_t task) {
    auto* panel = reinterpret_cast<bfloat16*>(args.packed) + task * panel_elements(k);
    for (int64_t p = 0; p < avx512_bf16_pitch(k); ++p) {
      for (int64_t j = 0; j < kPanelColumns; ++j) {
        const int64_t column = task * kPanelColumns + j;
        const bool inside = p < k && column < n;
        panel[(p / 2 * kPanelColumns + j) * 2 + p % 2] =
            inside ? to_bfloat16(args.weight[p * row_stride + column * column_stride]) : bfloat16{};
      }
    }
  });
}

void avx512_bf16_multiply(const GemmBf16Args& args, const bfloat16* a) {
  const auto* packed = reinterpret_cast<const bfloat16*>(args.packed);
  const int64_t pitch = avx512_bf16_pitch(args.k), panels = ceil_div(args.n, kPanelColumns);
  const int64_t rows = rows_per_task(args.m, panels), row_blocks = ceil_div(args.m, rows);
  parallel_for(row_blocks * panels, [&](int64_t task) {
    // Neighbouring tasks share a panel.
    const int64_t row = task % row_blocks * rows, panel = task / row_blocks;
    const int64_t column = panel * kPanelColumns;
    multiply_panel(std::min(rows, args.m - row), a + row * pitch, pitch,
                   packed + panel * panel_elements(args.k),
                   {.c = args.c + row * args.n + column,
                    .pitch = args.n,
                    .columns = std::min(kPanelColumns, args.n - column),
                    .bias = args.bias ? args.bias + column : nullptr,
                    .accumulate = args.accumulate});
  });
}

}  // namespace soragrad::kernels

#else  // without AVX-512 bf16_way() never chooses these functions

namespace soragrad::kernels {

size_t avx512_bf16_bytes(int64_t, int64_t) {
  fail("[gemm_bf16] this build has no AVX-512.");
}
void avx512_bf16_pack(const PackBf16Args&) {
  fail("[gemm_bf16] this build has no AVX-512.");
}
void avx512_bf16_multiply(const GemmBf16Args&, const bfloat16*) {
  fail("[gemm_bf16] this build has no AVX-512.");
}

}  // namespace soragrad::kernels

#endif

// SPDX-License-Identifier: Apache-2.0
