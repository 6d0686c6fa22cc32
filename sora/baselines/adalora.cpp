#include "sora/baselines/adalora.h"

#include "autograd/ops.h"

namespace soragrad::sora {

double adalora_factor(double lora_alpha, double init_r) {
  return lora_alpha / (init_r + 1e-5);
}

double AdaLora::factor() const {
  return adalora_factor(config_.lora_alpha, static_cast<double>(config_.init_r));
}

RankAllocator& AdaLora::allocator() {
  if (!allocator_) allocator_.emplace(config_, deltas());
  return *allocator_;
}

Variable AdaLora::regularizer() {
  if (config_.orth_reg_weight == 0) return {};
  std::vector<Variable> rows, columns;
  for (const GatedDelta* delta : deltas()) {
    rows.push_back(delta->a);
    columns.push_back(delta->b);
  }
  return orthogonality(rows, columns, static_cast<real>(config_.orth_reg_weight));
}

std::vector<std::pair<std::string, int64_t>> AdaLora::report() const {
  const Sparsity now = sparsity();
  return {{"budget", allocator_ ? allocator_->budget() : now.total},
          {"kept_rank", now.total - now.zero}};
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
