// GatedDelta: what SoRA, LoRA and AdaLoRA attach to a Linear,
//   y + factor * ((dropout(x) A^T) * gate) B^T,
// A (rank, in), B (out, rank); the gate is SoRA's g or AdaLoRA's singular values, none for LoRA
// (Hu et al., "LoRA", 2021; Zhang et al., "AdaLoRA", 2023; Ding et al., "SoRA", 2023).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/linear.h"

namespace soragrad::sora {

// The names of the parameters, and their initial values:
//   lora     lora_A.weight U(-1/sqrt(in), 1/sqrt(in)), lora_B.weight 0
//   sora     the same and gate (rank), N(0, 1)
//   adalora  lora_A, lora_B N(0, 0.02^2), lora_E (rank, 1) 0
enum class DeltaKind : uint8_t { lora, sora, adalora };

class GatedDelta : public nn::Linear::Delta {
 public:
  // Registers trainable parameters under the Linear's path, without values yet.
  GatedDelta(nn::Linear& linear, DeltaKind kind, int64_t rank, double factor, double dropout);

  bool reads_result() const override { return false; }
  Variable forward(const Variable& x, Variable y, const nn::Pass& pass) override;
  // Nothing while dropout acts on the input.
  std::optional<LowRank> low_rank(const nn::Pass& pass) const override;
  // Draws the initial values, functions of the seed and the parameters' paths.
  void initialize(uint64_t seed);

  nn::Linear& linear() const { return linear_; }
  DeltaKind kind() const { return kind_; }
  int64_t rank() const { return rank_; }
  double factor() const { return factor_; }

  nn::Parameter a, b;
  std::optional<nn::Parameter> gate;

 private:
  nn::Linear& linear_;
  DeltaKind kind_;
  int64_t rank_;
  double factor_, dropout_;
  uint32_t site_;  // of dropout
};

// All GatedDeltas attached below the model, in its order.
std::vector<GatedDelta*> gated_deltas(nn::Module& model);

// A delta without its zero gates, on the host: factor * B A with the gates multiplied into B.
struct FoldedDelta {
  int64_t rank = 0;  // kept; may be 0
  Tensor a;          // (rank, in)
  Tensor b;          // (out, rank)
  double factor = 1;
};
FoldedDelta fold(const GatedDelta& delta);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
