// A finished run as text: what `train` and `inspect` print of results.json.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "sora/method.h"

namespace soragrad::train {

// The list "ranks" of results.json and of `inspect --json`. Throws a json::exception if an entry
// lacks a member.
std::vector<sora::ModuleRank> ranks_of(const nlohmann::json& list);

// Metrics beside those of the majority baseline, parameters by both counters, ranks, speed. Throws
// a json::exception if a member is missing or has another type.
std::string summary_text(const nlohmann::json& results);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
