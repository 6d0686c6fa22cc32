// AdaLoRA (Zhang et al., ICLR 2023), as peft 0.13 trains it: y + lora_alpha / (init_r + 1e-5)
// B diag(E) A x, a regularizer that keeps rows of A and columns of B orthonormal, and a rank
// allocator that shares a falling budget among the Linears.
#pragma once

#include <optional>

#include "sora/base_method.h"
#include "sora/baselines/rank_allocator.h"

namespace soragrad::sora {

class AdaLora : public LowRankMethod {
 public:
  using LowRankMethod::LowRankMethod;
  // orth_reg_weight * mean over all A, B of || A A^T - I ||_F, || B^T B - I ||_F; undefined at 0.
  Variable regularizer() override;
  void prepare(int64_t step, int64_t total_steps) override {
    allocator().prepare(step, total_steps);
  }
  void after_step(const Tensor& grad_scale) override { allocator().update(grad_scale); }
  std::vector<std::pair<std::string, int64_t>> report() const override;
  std::vector<std::pair<std::string, Tensor>> state() override { return allocator().state(); }

 private:
  DeltaKind kind() const override { return DeltaKind::adalora; }
  int64_t rank() const override { return config_.init_r; }
  double factor() const override;

  RankAllocator& allocator();  // made at first use: an adapter that only predicts needs none

  std::optional<RankAllocator> allocator_;
};

// The factor of peft's SVDLinear; init_r stays in it even where ranks have been pruned.
double adalora_factor(double lora_alpha, double init_r);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
