// MethodConfig's keys: which belong to which method, their ranges, and their JSON.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "sora/method.h"

namespace soragrad::sora {

// Throws, naming key and value, where a value of the method is out of range.
void check(const MethodConfig& config);

// method, train_head and the keys of the method, under their names in `train`.
nlohmann::json to_json(const MethodConfig& config);
// The reverse; `where` names the file in errors. Keys of the method must all be there and have the
// right type; others are ignored.
MethodConfig method_config_of(const nlohmann::json& json, const std::string& where);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
