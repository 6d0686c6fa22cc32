// AdaLoRA's rank allocation (sora/baselines/rank_allocator.h has the formulas): smoothed scores of
// triplets - row k of A, gate k, column k of B - and the mask that sets the gates of the worst to
// 0. The step's plan is read from memory of the device, so that all steps launch the same kernels.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

// One step's part of the schedule, in the device's memory.
struct RankPlan {
  bool smooths;     // the gradients enter Ibar and U
  bool masks;       // the mask is chosen anew
  bool applies;     // the gates are masked
  int64_t dropped;  // triplets that a new mask leaves out; more where scores are equal
};

struct RankScoresArgs {
  static constexpr int kMaxParts = 38;  // the struct stays below CUDA's 4 KiB of arguments
  struct Parameter {
    const real* value;
    const real* grad;
    int64_t begin;  // of its entries in sensitivity and uncertainty
  };
  struct Part {
    Parameter a;     // (rank, in)
    Parameter gate;  // (rank)
    Parameter b;     // (out, rank)
    int64_t rank, in, out;
    real* scores;  // (rank)
  };
  Part parts[kMaxParts];
  int count;
  real* sensitivity;       // Ibar of every entry
  real* uncertainty;       // U
  const real* grad_scale;  // (1)
  const RankPlan* plan;    // (1); nothing happens where it neither smooths nor masks
  real beta1, beta2;
};
SORAGRAD_KERNEL(rank_scores, RankScoresArgs);

// Ibar U of entry i, after smoothing where the plan says so.
SORAGRAD_HD double smoothed_score(const RankScoresArgs& args,
                                  const RankScoresArgs::Parameter& parameter, int64_t i) {
  real& sensitivity = args.sensitivity[parameter.begin + i];
  real& uncertainty = args.uncertainty[parameter.begin + i];
  if (args.plan->smooths) {
    const real product = parameter.value[i] * (*args.grad_scale * parameter.grad[i]);
    const real importance = product < 0 ? -product : product;
    sensitivity = args.beta1 * sensitivity + (1 - args.beta1) * importance;
    const real distance = importance - sensitivity;
    uncertainty =
        args.beta2 * uncertainty + (1 - args.beta2) * (distance < 0 ? -distance : distance);
  }
  return static_cast<double>(sensitivity) * static_cast<double>(uncertainty);
}

struct RankMaskArgs {
  static constexpr int kMaxParts = 128;
  struct Part {
    real* gate;  // (rank), set to 0 where the mask is
    int64_t rank;
    int64_t begin;  // of its triplets in scores and mask
  };
  Part parts[kMaxParts];
  int count;
  const real* scores;  // (triplets), of all parts of all calls
  real* mask;          // (triplets): 1 or 0
  int64_t triplets;
  const RankPlan* plan;  // (1)
};
SORAGRAD_KERNEL(rank_mask, RankMaskArgs);

// True if a score is dropped, given the number of scores that are lower: fewer than `dropped`.
// Equal scores are dropped together, as with torch.kthvalue.
SORAGRAD_HD bool is_dropped(int64_t lower, int64_t dropped) {
  return lower < dropped;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
