// What the kernels share that make an operand of a product with deltas (delta_product.h): rounded
// pieces of a row, the columns of a delta, and the blocks behind those of the rows, which write the
// border of the weights.
#pragma once

#include "core/kernels/cuda.cuh"
#include "core/kernels/linear/delta_product.h"
#include "core/kernels/mma.cuh"

namespace soragrad::kernels {

using DeltaPart = DeltaOperandArgs::Part;

// The narrow product of a delta: x A^T forward, dy B backward. Its factor lies by rank.
template <bool kForward>
SORAGRAD_HD const real* narrow_factor(const DeltaPart& part) {
  return kForward ? part.delta.a : part.b_by_rank;
}
template <bool kForward>
SORAGRAD_HD int64_t narrow_width(const LowRankDelta& delta) {
  return kForward ? delta.in : delta.out;
}

// Writes four numbers of a row, rounded, as 8 bytes.
__device__ inline void store_rounded(bfloat16* place, const Four& four) {
  struct alignas(8) Pairs {
    uint32_t pair[2];  // of mma.cuh
  };
  *reinterpret_cast<Pairs*>(place) = {bf16_pair(four.at[0], four.at[1]),
                                      bf16_pair(four.at[2], four.at[3])};
}

// A number as two of bf16.
struct Split {
  bfloat16 high, low;
};
__device__ inline Split split(real x) {
  const auto value = static_cast<float>(x);
  const bfloat16 high = to_bfloat16(value);
  return {high, to_bfloat16(value - to_float(high))};
}

// -- A delta's columns ----------------------------------------------------------------------------
// The element (row, k) of s u or du in the operand, and the zeros behind the last rank.
__device__ inline void write_columns(const DeltaOperandArgs& args, const DeltaPart& part,
                                     int64_t row, int64_t k, real scaled) {
  const int64_t rank = part.delta.rank, width = border_of(rank);
  bfloat16* __restrict__ place = part.columns + row * args.pitch;
  const Split value = split(scaled);
  place[k] = value.high;
  place[rank + k] = value.low;
  place[2 * rank + k] = value.high;
  for (int64_t zero = 3 * rank + k; zero < width; zero += rank) place[zero] = bfloat16{};
}

// All that follows from the element (row, k) of the narrow product.
__device__ inline void write_narrow(const DeltaOperandArgs& args, const DeltaPart& part,
                                    int64_t row, int64_t k, real sum) {
  const real scaled = scale_of(part.delta, k) * sum;
  part.sums[row * part.delta.rank + k] = sum;
  if (part.scaled) part.scaled[row * part.delta.rank + k] = scaled;
  if (part.columns) write_columns(args, part, row, k, scaled);
}

// -- The weights' border --------------------------------------------------------------------------
// Element i of the wide factor. Forward that is B (out, rank), beside its Linear's rows; backward
// A (rank, in), below all rows.
template <bool kForward>
__device__ void write_border(const DeltaOperandArgs& args, const DeltaPart& part, unsigned i) {
  const auto rank = static_cast<unsigned>(part.delta.rank);
  const auto width = static_cast<unsigned>(kForward ? rank : part.delta.in);  // of the factor
  if (i >= width * static_cast<unsigned>(kForward ? part.delta.out : rank)) return;
  const real element = (kForward ? part.delta.b : part.delta.a)[i];
  const Split value = split(element);
  const int64_t step = kForward ? rank : rank * args.weights_pitch;
  bfloat16* __restrict__ place = part.border + i / width * args.weights_pitch + i % width;
  place[0] = value.high;
  place[step] = value.high;
  place[2 * step] = value.low;
  if (kForward) part.b_by_rank[i % rank * part.delta.out + i / rank] = element;
}

// The work of block `block` of border_blocks(): an element of one part's factor a thread.
template <bool kForward>
__device__ void write_borders(const DeltaOperandArgs& args, unsigned block) {
  const auto count = static_cast<unsigned>(args.count);
  write_border<kForward>(args, args.parts[block % count], block / count * blockDim.x + threadIdx.x);
}
template <bool kForward>
int64_t border_blocks(const DeltaOperandArgs& args, int64_t threads) {
  int64_t largest = 0;
  for (int i = 0; i < args.count; ++i) {
    const DeltaPart& part = args.parts[i];
    const int64_t width = kForward ? part.delta.out : part.delta.in;
    if (part.columns) largest = std::max(largest, part.delta.rank * width);
  }
  return ceil_div(largest, threads) * args.count;
}

// True if all narrow factors can be read 16 bytes at a time.
template <bool kForward>
bool factors_in_fours(const DeltaOperandArgs& args) {
  bool aligned = true;
  for (int i = 0; i < args.count; ++i) {
    const DeltaPart& part = args.parts[i];
    aligned &= in_fours(narrow_width<kForward>(part.delta), narrow_factor<kForward>(part));
  }
  return aligned;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
