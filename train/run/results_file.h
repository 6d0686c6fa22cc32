// results.json of a run's folder: what a run that is complete has found.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace soragrad::train {

constexpr const char* kResultsFile = "results.json";

// Whether the run in this folder is complete: it has the file.
bool is_complete(const std::string& run);

// The file's content. Throws naming the file, and what to do, if it is missing or damaged.
nlohmann::json read_results(const std::string& run);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
