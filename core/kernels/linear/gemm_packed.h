// c = a op(W) [+ c] [+ bias] on the CPU in fp32, with W packed for the product beforehand. A frozen
// weight is packed once; a library's GEMM packs both operands at every call.
// core/packed_matrix.h owns the packed copies.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"
#include "core/kernels/linear/gemm_tasks.h"

namespace soragrad::kernels {

// Packs W (rows, columns) into panels of op(W) (k, n): op(W) is W, or W^T with `transpose`. Each
// panel has kPanelColumns columns, the last one fewer, and is row-major and dense; panel i begins
// at element i * kPanelColumns * k.
struct PackPanelsArgs {
  const real* weight;
  real* packed;  // rows * columns
  int64_t rows, columns;
  bool transpose = false;
};
inline Cost cost(const PackPanelsArgs& args) {
  return traffic(2 * args.rows * args.columns);
}

// Turns panels of W^T into panels of W, for a weight (rows, columns): what pack_panels makes with
// `transpose` into what it makes without, bit for bit.
struct TurnPanelsArgs {
  const real* packed;  // panels of W^T
  real* turned;        // panels of W; rows * columns, as packed
  int64_t rows, columns;
};
inline Cost cost(const TurnPanelsArgs& args) {
  return traffic(2 * args.rows * args.columns);
}

struct GemmPackedArgs {
  const real* a;       // (m, k)
  const real* packed;  // panels of op(W) (k, n)
  real* c;             // (m, n)
  int64_t m, n, k;
  bool accumulate = false;     // add to c instead of replacing it
  const real* bias = nullptr;  // (n), added to every row; not together with accumulate
};
inline Cost cost(const GemmPackedArgs& g) {
  return {2.0 * static_cast<double>(g.m * g.n * g.k),
          traffic(g.m * g.k + g.k * g.n + g.m * g.n * (g.accumulate ? 2 : 1)).bytes};
}

// These kernels exist for the CPU alone: cuBLASLt reads a plain weight at the same speed.
void pack_panels_cpu(const PackPanelsArgs& args);
void turn_panels_cpu(const TurnPanelsArgs& args);
void gemm_packed_cpu(const GemmPackedArgs& args);
inline constexpr Kernel<PackPanelsArgs> pack_panels = {"pack_panels", pack_panels_cpu, nullptr};
inline constexpr Kernel<TurnPanelsArgs> turn_panels = {"turn_panels", turn_panels_cpu, nullptr};
inline constexpr Kernel<GemmPackedArgs> gemm_packed = {"gemm_packed", gemm_packed_cpu, nullptr};

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
