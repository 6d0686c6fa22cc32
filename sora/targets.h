// Where methods act: Linears found by their role, or by the end of their names as Hugging Face peft
// finds them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/linear.h"
#include "nn/module.h"
#include "sora/target_pattern.h"

namespace soragrad::sora {

// All Linears below the model, in order of construction.
std::vector<nn::Linear*> linears(nn::Module& model);

// Linears that one of the targets (sora/target_pattern.h) matches, never one of the head. No target
// means the six Linears of each transformer layer: query, key, value, attention output,
// intermediate and output. A target that matches nothing throws, naming what there is.
std::vector<nn::Linear*> find_targets(nn::Module& model, const std::vector<std::string>& targets);

// The Linear of that path; throws where there is none.
nn::Linear& linear_at(nn::Module& model, const std::string& path);

// Where the model's parameters are; the CPU if none is defined.
Device device_of(nn::Module& model);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
