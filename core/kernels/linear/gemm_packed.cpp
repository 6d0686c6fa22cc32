// The fp32 product with a packed weight.
//
// W is stored in panels of 64 columns, each dense and row-major. A task is a block of 48 to 192
// rows of a times one panel. It goes through the panel 768 rows of k at a time: 192 KiB, which stay
// in the second-level cache while tiles of 6 rows pass over them (small_gemm-inl.h keeps 6 x 64
// sums in registers with AVX-512, 6 x 16 with AVX2). `a` is read where it is, not copied.
// Neighbouring tasks share a panel, so several threads find it in the shared cache.
//
// Each element of c is summed in the order of k; between two pieces of 768 the sum rests in c. So
// neither the thread count nor the cut into tasks changes a bit.
//
// Measured on two Zen 4 cores with weights from memory: 200 to 227 GFLOP/s of a peak of 230, for 91
// and 1024 rows by 768 x 768, 768 x 3072 and 3072 x 768. oneDNN's dnnl_sgemm, which packs its
// operands at every call, reaches 185 to 212.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/linear/gemm_packed.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>

#include "core/kernels/linear/gemm_packed.h"
#include "core/kernels/linear/gemm_tasks.h"
#include "core/kernels/linear/small_gemm-inl.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

constexpr int64_t kDepth = 768;  // rows of a panel at a time: 192 KiB

static_assert(kTileRows == kRowsOfTile);

// One task: rows [begin, end) of c and the panel that begins at `column`. The bias is the start of
// the sums.
void multiply_panel(const GemmPackedArgs& g, int64_t begin, int64_t end, int64_t column) {
  const int64_t rows = end - begin, columns = std::min(kPanelColumns, g.n - column);
  const real* a = g.a + begin * g.k;
  const real* panel = g.packed + column * g.k;
  real* c = g.c + begin * g.n + column;
  const Start rest = {c, g.n};
  Start start = g.accumulate ? rest : g.bias ? Start{g.bias + column, 0} : Start{};
  for (int64_t p = 0; p == 0 || p < g.k; p += kDepth) {
    dense_gemm(rows, columns, std::min(kDepth, g.k - p), {a + p, g.k, 1}, panel + p * columns,
               columns, c, g.n, start);
    start = rest;
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {
namespace {

HWY_EXPORT(multiply_panel);

}  // namespace

void pack_panels_cpu(const PackPanelsArgs& args) {
  constexpr int64_t kTile = 16;  // transposed in tiles of a cache line, as in transpose.cpp
  const int64_t k = args.transpose ? args.columns : args.rows;
  const int64_t n = args.transpose ? args.rows : args.columns;
  parallel_for(ceil_div(n, kPanelColumns), [&](int64_t task) {
    const int64_t column = task * kPanelColumns, columns = std::min(kPanelColumns, n - column);
    real* panel = args.packed + column * k;
    if (!args.transpose) {
      for (int64_t p = 0; p < k; ++p) {
        std::copy_n(args.weight + p * n + column, columns, panel + p * columns);
      }
      return;
    }
    for (int64_t p0 = 0; p0 < k; p0 += kTile) {
      const int64_t p1 = std::min(k, p0 + kTile);
      for (int64_t j = 0; j < columns; ++j) {
        for (int64_t p = p0; p < p1; ++p) {
          panel[p * columns + j] = args.weight[(column + j) * k + p];
        }
      }
    }
  });
}

void turn_panels_cpu(const TurnPanelsArgs& args) {
  // A panel of W has 64 columns; block by block of 64 rows they are 64 rows in a panel of W^T.
  parallel_for(ceil_div(args.columns, kPanelColumns), [&](int64_t task) {
    const int64_t column = task * kPanelColumns;
    const int64_t columns = std::min(kPanelColumns, args.columns - column);
    for (int64_t row = 0; row < args.rows; row += kPanelColumns) {
      const int64_t rows = std::min(kPanelColumns, args.rows - row);
      const real* from = args.packed + row * args.columns + column * rows;
      real* to = args.turned + column * args.rows + row * columns;
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) to[i * columns + j] = from[j * rows + i];
      }
    }
  });
}

void gemm_packed_cpu(const GemmPackedArgs& args) {
  if (args.m == 0 || args.n == 0) return;
  const int64_t panels = ceil_div(args.n, kPanelColumns);
  const int64_t rows = rows_per_task(args.m, panels), row_blocks = ceil_div(args.m, rows);
  parallel_for(row_blocks * panels, [&](int64_t task) {
    // Neighbouring tasks share a panel.
    const int64_t begin = task % row_blocks * rows;
    HWY_DYNAMIC_DISPATCH(multiply_panel)
    (args, begin, std::min(begin + rows, args.m), task / row_blocks * kPanelColumns);
  });
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
