// Pruning after training: rows of A and columns of B whose gate is exactly zero are dropped and the
// gate is folded into B, which leaves a plain LoRA delta of smaller rank with the same output.
#pragma once

#include "nn/module.h"
#include "sora/method.h"

namespace soragrad::sora {

// Replaces every low-rank delta of the model by its pruned one and detaches those without rank.
// Returns the configuration (method lora, a rank a module) with which save_adapter() writes it.
// Throws where the model has no low-rank delta.
MethodConfig prune(nn::Module& model, const MethodConfig& config);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
