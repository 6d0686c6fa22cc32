// Which base model an adapter belongs to: a hash of its weights, kept in adapter_config.json and in
// checkpoints as base_model_sha256.
#pragma once

#include <future>
#include <string>

namespace soragrad::train {

// SHA-256 over name and bytes of each tensor, sorted by name. Throws if the folder has no weights.
std::string base_model_sha256(const std::string& folder);
// The same on a thread of its own. Errors are thrown by get().
std::shared_future<std::string> start_base_sha256(const std::string& folder);

// Throws, naming both hashes, unless the model of the folder is the one that is expected.
void require_base_model(const std::string& folder, const std::string& found,
                        const std::string& expected);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
