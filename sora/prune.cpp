#include "sora/prune.h"

#include <memory>

#include "sora/gated_delta.h"

namespace soragrad::sora {

MethodConfig prune(nn::Module& model, const MethodConfig& config) {
  const std::vector<GatedDelta*> deltas = gated_deltas(model);
  require(!deltas.empty(), "[prune] method {} has no low-rank delta to prune.", config.method);
  MethodConfig pruned;
  pruned.method = "lora";
  pruned.train_head = config.train_head;
  pruned.r = config.method == "adalora" ? config.init_r : config.r;
  pruned.lora_alpha = config.lora_alpha;
  pruned.target_modules = config.target_modules;
  pruned.modules.emplace();
  for (const GatedDelta* delta : deltas) {
    nn::Linear& linear = delta->linear();
    const FoldedDelta folded = fold(*delta);
    const Device device = delta->a.device();
    linear.attach(nullptr);  // delta is gone
    if (folded.rank == 0) continue;
    auto smaller =
        std::make_unique<GatedDelta>(linear, DeltaKind::lora, folded.rank, folded.factor, 0);
    smaller->a.assign(folded.a.to(device));
    smaller->b.assign(folded.b.to(device));
    linear.attach(std::move(smaller));
    pruned.modules->push_back({linear.path(), folded.rank, folded.factor});
  }
  return pruned;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
