// LoRA (Hu et al., 2021) as peft trains it: y + lora_alpha / r * B A dropout(x).
#pragma once

#include "sora/base_method.h"

namespace soragrad::sora {

class Lora : public LowRankMethod {
 public:
  using LowRankMethod::LowRankMethod;

 private:
  DeltaKind kind() const override { return DeltaKind::lora; }
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
