// AdaLoRA's rank allocation (Zhang et al., 2023, section 3.2, as in peft's RankAllocator). Each
// triplet (row of A, singular value, column of B) has a score; a budget that falls over training
// says how many survive, and the singular values of the others are set to 0 after the update.
//   I = |w grad|,  Ibar = beta1 Ibar + (1 - beta1) I,  U = beta2 U + (1 - beta2) |I - Ibar|
//   score = (Ibar U)(E_i) + mean_j (Ibar U)(A_ij) + mean_j (Ibar U)(B_ji)
// with weights after the update and the clipped gradients of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sora/gated_delta.h"
#include "sora/method.h"

namespace soragrad::sora {

struct BudgetSchedule {
  int64_t initial = 0, target = 0;  // total rank at first and at last
  int64_t tinit = 0, tfinal = 0, delta_t = 1, total_steps = 0;

  // initial up to tinit, target for the last tfinal steps, and between them, rounded down,
  //   target + (initial - target) (1 - (t - tinit) / (T - tfinal - tinit))^3.
  int64_t budget(int64_t step) const;
  // Whether triplets are masked by their scores at this step: every delta_t steps in the middle,
  // and once at T - tfinal; from then on the mask is fixed.
  bool masks(int64_t step) const;
  bool is_final(int64_t step) const { return step > total_steps - tfinal; }
};

class RankAllocator {
 public:
  // The deltas must outlive the allocator and have a gate (lora_E).
  RankAllocator(const MethodConfig& config, const std::vector<GatedDelta*>& deltas);

  // Says what the update after `step` others does. Throws where the run is too short for tinit and
  // tfinal.
  void prepare(int64_t step, int64_t total_steps);
  // Scores and masks after the update, on the parameters' device.
  void update(const Tensor& grad_scale);
  int64_t budget() const { return budget_; }  // of the last update

  // Smoothed scores and the last mask, which a resumed run continues with.
  std::vector<std::pair<std::string, Tensor>> state() const;

 private:
  struct Place {
    GatedDelta* delta;
    int64_t entry;    // first of a, gate and b in the flat entries
    int64_t triplet;  // first in scores and mask
  };

  real beta1_, beta2_;
  BudgetSchedule schedule_;
  std::vector<Place> places_;
  Tensor sensitivity_;  // (entries): Ibar
  Tensor uncertainty_;  // (entries): U
  Tensor scores_;       // (triplets)
  Tensor mask_;         // (triplets): 1 or 0
  Tensor plan_;         // bytes of a kernels::RankPlan
  int64_t budget_ = 0;
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
