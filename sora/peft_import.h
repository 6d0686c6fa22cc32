// Adapters that Hugging Face peft has written: LoRA (rslora, rank_pattern and alpha_pattern
// included) and AdaLoRA. Ranks are those of the tensors; factors come from adapter_config.json.
#pragma once

#include <string>
#include <string_view>

#include "nn/checkpoint/checkpoint.h"
#include "sora/adapter_file.h"

namespace soragrad::sora {

// The configuration (method lora or adalora, a shape a module) with which the adapter's tensors
// attach, from the text of adapter_config.json: the order of its patterns counts. Tensors have
// their own names. Throws for what changes the arithmetic and is not supported, naming the key.
AdapterConfig peft_config(std::string_view text, const nn::Checkpoint& tensors,
                          const std::string& where);

// The same tensors under the names of their parameters here: "base_model.model.X" is X,
// ".base_layer" is left out.
nn::Checkpoint with_own_names(const nn::Checkpoint& peft);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
