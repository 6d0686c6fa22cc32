// The bf16 products of Linears together with their low-rank deltas, on a GPU. Up to three Linears
// of one input and of equal shapes make one product:
//   y_i = x W_i^T + bias_i + (s_i * u_i) B_i^T    u_i  = x A_i^T
//   dx  = sum over i of dy_i W_i + du_i A_i       dh_i = dy_i B_i,  du_i = s_i * dh_i
// A delta is further columns of the operands. The weights have a border for them:
//           in    border
//   out   [ W_0 | B_0 0   0   ]      y_i has the operand [x | s_0 u_0, s_1 u_1, s_2 u_2],
//   out   [ W_1 | 0   B_1 0   ]      dx the operand [dy_0 dy_1 dy_2 | du_0, du_1, du_2]
//   out   [ W_2 | 0   0   B_2 ]
//   border[ A_0 |             ]
//         [ A_1 |             ]
//         [ A_2 |             ]
//
// Rounding a delta to bf16 would cost 2^-9 of it. So each of its numbers is split into two,
// x = high + low with high = bf16(x) and low = bf16(x - high), and a rank has three columns:
//   u B ~ high(u) high(B) + low(u) high(B) + high(u) low(B)     to 2^-16
// The columns of a delta are its ranks' first columns, then the second and the third ones, then
// zeros up to a multiple of 8.
#pragma once

#include <cstdint>

#include "core/host_device.h"
#include "core/integer_math.h"
#include "core/kernels/gpu_kernel.h"
#include "core/kernels/linear/low_rank.h"
#include "core/rng.h"

namespace soragrad::kernels {

constexpr int kMaxDeltas = 3;  // of a product

// Width of a delta's border.
SORAGRAD_HD constexpr int64_t border_of(int64_t rank) {
  return round_up<int64_t>(3 * rank, 8);
}

// Rounds a weight into the bordered matrix, which is zeros to begin with.
struct DeltaWeightArgs {
  const real* weight;  // (rows, columns)
  bfloat16* packed;    // row r begins at r * pitch
  int64_t rows, columns, pitch;
};
SORAGRAD_GPU_KERNEL(delta_weight, DeltaWeightArgs);

// Makes operands, and writes the same deltas' border of the weights: B forward, A backward. A part
// is one delta; those of a product share its operand. Rows and pitches are the same for all.
struct DeltaOperandArgs {
  static constexpr int kMaxParts = 24;
  struct Part {
    LowRankDelta delta;
    const real* x;      // (rows, in) forward, dy (rows, out) backward
    real* sums;         // (rows, rank): u, or dh
    real* scaled;       // (rows, rank): du; null: not kept
    real* b_by_rank;    // (rank, out): B^T, which forward writes and backward reads
    bfloat16* copy;     // where x goes in row 0 of the operand; null: another part copies it
    bfloat16* columns;  // of the delta in row 0; null: only sums and scaled are wanted
    bfloat16* border;   // of the weights: beside the Linear's rows forward, below all backward
    real* dropped;      // (rows, in): dropout(x), if x is dropped; null: another part keeps it
    uint32_t site;      // of the dropout's stream
  };
  Part parts[kMaxParts];
  int count;
  bool forward;
  int64_t rows, pitch, weights_pitch;
  // Forward: dropout(x) takes the place of x. As in dropout.h; 0: there is none.
  uint32_t drop_threshold;
  real keep_scale;
  RandomStream stream;  // with the site of the part
};
inline Cost cost(const DeltaOperandArgs& args) {
  Cost sum;
  for (int i = 0; i < args.count; ++i) {
    const LowRankDelta& d = args.parts[i].delta;
    const int64_t width = args.forward ? d.in : d.out;
    sum.flops += 2.0 * static_cast<double>(args.rows * d.rank * width);
    sum.bytes += traffic((args.rows + d.rank) * width).bytes;
  }
  return sum;
}
SORAGRAD_GPU_KERNEL(delta_operand, DeltaOperandArgs);

// Forward: y_i (rows, n) = operand (rows, k) [W_i | B_i]^T + bias_i for each of `count` Linears.
// Backward: dx (rows, n) = [dx +] operand (rows, k) [W; A].
// Forward may have several groups of Linears, each with an operand of its own.
struct DeltaProductArgs {
  bool forward;
  const bfloat16* operand;  // (groups, rows, k)
  const bfloat16* weights;
  const real* bias;  // (groups, count, n); null: none
  real* y;           // (groups, count, rows, n), or dx
  int64_t count, rows, n, k;
  int64_t weights_pitch;
  bool accumulate;
  int64_t groups = 1, group_pitch = 0;  // from one group's weights to the next one's
};
inline Cost cost(const DeltaProductArgs& args) {
  constexpr int64_t kBf16Bytes = 2;
  const int64_t count = args.forward ? args.groups * args.count : 1;
  return {2.0 * static_cast<double>(count * args.rows * args.n * args.k),
          traffic(count * args.rows * args.n * (args.accumulate ? 2 : 1)).bytes +
              static_cast<double>((args.rows + count * args.n) * args.k * kBf16Bytes)};
}
SORAGRAD_GPU_KERNEL(delta_product, DeltaProductArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
