// Export to Hugging Face peft: every low-rank method becomes a plain LoRA adapter with a rank a
// module, whose logits are equal. Gates (sora) and singular values (adalora) are folded into
// lora_B, rows and columns of zero gates are dropped, and Linears without rank are left out.
#pragma once

#include <filesystem>
#include <string>

#include "nn/module.h"
#include "sora/adapter_file.h"

namespace soragrad::sora {

// Writes adapter_config.json and adapter_model.safetensors. Throws for methods that are not
// low-rank (houlsby, pfeiffer, bitfit, full): export those as `merged` or keep the run's format.
void export_peft(const std::filesystem::path& folder, nn::Module& model, const AdapterInfo& info);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
