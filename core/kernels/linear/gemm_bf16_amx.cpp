// The bf16 product by AMX. A tile register has 16 rows of 64 bytes. One instruction multiplies a
// tile of a (16 rows, 32 of k) with a tile of op(W) (32 of k in pairs, 16 columns) and adds to 256
// sums in fp32: 8192 multiply-adds in 16 cycles.
//
// Operands are laid out by bf16_operands.h: whole tiles, zeros beyond the matrix. A task is a block
// of rows of a times one panel of 64 columns. It goes through the block 32 rows at a time, and
// through the panel's halves: 2 x 2 tiles of sums stay in registers over all of k, and each step of
// 32 in k loads two tiles of a and two of op(W) for four products. The sums pass through 8 KB of
// stack, where the bias and the old c are added.
//
// Each element of c is summed in the order of k in one register, so neither the thread count nor
// the cut into tasks changes a bit. kernels_bench on two cores of a Xeon, with the rounding of a:
// 1120 to 1380 GFLOP/s for 91 to 2048 rows by 768 x 768 to 3072 x 768, 650 to 900 for 4096 rows by
// 192 x 192 to 768 x 192.
#include "core/kernels/linear/gemm_bf16_amx.h"

#include "core/error.h"

#if defined(__x86_64__) && defined(__linux__) && !defined(SORAGRAD_REAL_DOUBLE)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "core/kernels/linear/amx_tiles.h"
#include "core/kernels/linear/bf16_sums-inl.h"

namespace soragrad::kernels {
namespace {

constexpr int64_t kBlockRows = 2 * kTileRowsBf16;  // rows of a that are multiplied at a time

// The sums of 32 rows (16 if !Two) and half a panel, whose pairs begin at b.
template <bool Two>
SORAGRAD_AMX void multiply_tiles(const bfloat16* a, int64_t pitch, const bfloat16* b, float* sums) {
  constexpr int kSumBytes = kPanelColumns * sizeof(float);
  constexpr int kPairBytes = 2 * kPanelColumns * sizeof(bfloat16);
  const auto row_bytes = static_cast<long>(pitch * sizeof(bfloat16));
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t p = 0; p < pitch; p += kTileDepthBf16) {
    _tile_loadd(4, a + p, row_bytes);
    _tile_loadd(6, b + p * kPanelColumns, kPairBytes);
    _tile_loadd(7, b + p * kPanelColumns + 2 * kTileRowsBf16, kPairBytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (Two) {
      _tile_loadd(5, a + kTileRowsBf16 * pitch + p, row_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, sums, kSumBytes);
  _tile_stored(1, sums + kTileRowsBf16, kSumBytes);
  if constexpr (Two) {
    _tile_stored(2, sums + kTileRowsBf16 * kPanelColumns, kSumBytes);
    _tile_stored(3, sums + kTileRowsBf16 * kPanelColumns + kTileRowsBf16, kSumBytes);
  }
}

// One task: `rows` rows of a block times one panel.
SORAGRAD_AMX void multiply_panel(int64_t rows, const bfloat16* a, int64_t pitch,
                                 const bfloat16* panel, SumTarget to) {
  alignas(64) float sums[kBlockRows * kPanelColumns] = {};
  _tile_loadconfig(&kFullTiles);
  for (; rows > 0; rows -= kBlockRows, a += kBlockRows * pitch, to.c += kBlockRows * to.pitch) {
    for (int64_t half = 0; half < to.columns; half += kPanelColumns / 2) {
      const auto multiply = rows > kTileRowsBf16 ? multiply_tiles<true> : multiply_tiles<false>;
      multiply(a, pitch, panel + 2 * half, sums + half);
    }
    for (int64_t i = 0; i < std::min(rows, kBlockRows); ++i) {
      __m512 row[kVectorsOfSums];
      for (int v = 0; v < kVectorsOfSums; ++v) {
        row[v] = _mm512_load_ps(sums + i * kPanelColumns + v * kLanesOfSums);
      }
      store_sums(row, to, to.c + i * to.pitch);
    }
  }
  _tile_release();
}

// Asks Linux for the tile registers, which it gives to processes that ask.
bool allowed_by_linux() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool in_processor() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
  return (d & kAmxBf16) && (d & kAmxTile);
}

}  // namespace

bool has_amx_bf16() {
  static const bool has = in_processor() && allowed_by_linux();
  return has;
}

void amx_bf16_multiply(const GemmBf16Args& args, const bfloat16* a) {
  multiply_by_panels(args, a, kBlockRows, multiply_panel);
}

}  // namespace soragrad::kernels

#else  // without AMX bf16_way() never chooses these functions

namespace soragrad::kernels {

bool has_amx_bf16() {
  return false;
}
void amx_bf16_multiply(const GemmBf16Args&, const bfloat16*) {
  fail("[gemm_bf16] this build has no AMX.");
}

}  // namespace soragrad::kernels

#endif

// SPDX-License-Identifier: Apache-2.0
