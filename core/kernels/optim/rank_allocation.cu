// Scores: a block a triplet. Mask: a block a matrix, a warp a triplet.
#include "core/kernels/optim/rank_allocation.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

__global__ void rank_scores_kernel(RankScoresArgs args) {
  const RankScoresArgs::Part& part = args.parts[blockIdx.y];
  const int64_t k = blockIdx.x;
  if (k >= part.rank || !(args.plan->smooths || args.plan->masks)) return;
  double row = 0, column = 0;
  for (int64_t j = threadIdx.x; j < part.in; j += blockDim.x) {
    row += smoothed_score(args, part.a, k * part.in + j);
  }
  for (int64_t j = threadIdx.x; j < part.out; j += blockDim.x) {
    column += smoothed_score(args, part.b, j * part.rank + k);
  }
  row = block_sum(row);
  column = block_sum(column);
  if (threadIdx.x == 0) {
    part.scores[k] =
        static_cast<real>(smoothed_score(args, part.gate, k) + row / static_cast<double>(part.in) +
                          column / static_cast<double>(part.out));
  }
}

__global__ void rank_mask_kernel(RankMaskArgs args) {
  const RankMaskArgs::Part& part = args.parts[blockIdx.x];
  const RankPlan plan = *args.plan;
  for (int64_t k = threadIdx.x / kWarp; k < part.rank; k += blockDim.x / kWarp) {
    const int64_t i = part.begin + k;
    real mask = 0;
    if (lane_index() == 0) mask = args.mask[i];  // by the lane that writes it: no other may be late
    if (plan.masks) {
      const real score = args.scores[i];
      int lower = 0;
      for (int64_t j = lane_index(); j < args.triplets; j += kWarp) lower += args.scores[j] < score;
      mask = is_dropped(warp_sum(lower), plan.dropped) ? real(0) : real(1);
    }
    if (lane_index() != 0) continue;
    args.mask[i] = mask;
    if (plan.applies && mask == 0) part.gate[k] = 0;
  }
}

}  // namespace

void rank_scores_cuda(const RankScoresArgs& args) {
  if (args.count == 0) return;
  int64_t max_rank = 0;
  for (int part = 0; part < args.count; ++part) {
    max_rank = std::max(max_rank, args.parts[part].rank);
  }
  launch(rank_scores_kernel, dim3(grid_size(max_rank), grid_size(args.count)), kBlockThreads, 0,
         args);
}

void rank_mask_cuda(const RankMaskArgs& args) {
  if (args.count == 0) return;
  launch(rank_mask_kernel, grid_size(args.count), kBlockThreads, 0, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
