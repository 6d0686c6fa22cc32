// A warp a row. Sums of whole weights are exact, so lanes may add them in any order.
#include "core/kernels/loss/token_choice.h"

#include "core/kernels/grid_sums.cuh"

namespace soragrad::kernels {
namespace {

__device__ real row_max(const real* x, int64_t n) {
  real max = -INFINITY;
  for (int64_t j = lane_index(); j < n; j += kWarp) max = x[j] > max ? x[j] : max;
  return warp_max(max);
}

// The weight of token j; 0 past the last one.
__device__ uint64_t weight_at(const real* logits, real max, int64_t j, int64_t vocab) {
  return j < vocab ? static_cast<uint64_t>(sample_weight(static_cast<float>(logits[j] - max)))
                   : uint64_t{0};
}

__global__ void sample_tokens_kernel(SampleTokensArgs args) {
  const int64_t row = global_warp();
  if (row >= args.rows) return;
  const real* logits = args.logits + row * args.vocab;
  const real max = row_max(logits, args.vocab);
  uint64_t total = 0;
  for (int64_t j = lane_index(); j < args.vocab; j += kWarp) {
    total += weight_at(logits, max, j, args.vocab);
  }
  uint64_t point = sample_point(args.stream, row, warp_sum(total));
  for (int64_t begin = 0; begin < args.vocab; begin += kWarp) {
    const uint64_t weight = weight_at(logits, max, begin + lane_index(), args.vocab);
    const uint64_t sum = warp_sum(weight);
    if (point >= sum) {
      point -= sum;
      continue;
    }
    for (int lane = 0; lane < kWarp; ++lane) {
      const uint64_t of_lane = warp_sum(lane_index() == lane ? weight : uint64_t{0});
      if (point < of_lane) {
        if (lane_index() == 0) args.samples[row] = begin + lane;
        return;
      }
      point -= of_lane;
    }
  }
}

struct Hit {
  LabelHitsArgs args;
  __device__ double operator()(int64_t row) const {
    const real* logits = args.logits + row * args.vocab;
    return logits[args.labels[row]] >= row_max(logits, args.vocab) ? 1.0 : 0.0;
  }
};

struct Store {
  real* y;
  __device__ void operator()(double sum) const { *y = static_cast<real>(sum); }
};

}  // namespace

void sample_tokens_cuda(const SampleTokensArgs& args) {
  launch_rows(sample_tokens_kernel, args.rows, args);
}

void label_hits_cuda(const LabelHitsArgs& args) {
  sum_of_rows(Hit{args}, args.rows, Store{args.hits});
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
