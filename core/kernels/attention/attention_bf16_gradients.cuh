// What the two launches of attention backward on tensor cores share: blocks of four warps, each of
// which owns a quarter of a tile.
#pragma once

#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_gradients.cuh"

namespace soragrad::kernels {

constexpr int kParts = kTile / kPart;  // parts along the queries, and along the keys
constexpr int kWarps = kParts * kParts;
constexpr int kThreads = kWarps * kWarp;

// The thread's warp and what it owns: queries 16a and keys 16b on of the scores; rows 16a on and
// half b of the columns of a gradient.
struct WarpPlace {
  int warp, a, b;
};
__device__ inline WarpPlace warp_place() {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  return {warp, warp % kParts, warp / kParts};
}

// Launches the scores, with that many blocks a head.
void bf16_scores(const AttentionBackwardArgs& args, const GradientPlan& plan, int64_t blocks);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
