// Keys that a run took on when it was continued: from a step on they have another value. They are
// recorded in config.yaml, as comment lines before the keys, and in results.json.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace soragrad::train {

struct ChangedKey {
  int64_t step = 0;  // finished steps when the key changed
  std::string key;
  std::string before, now;  // as YAML text
};

// The line of config.yaml: "# from step 120: seed: 7, before: 42".
std::string change_line(const ChangedKey& change);
// The changes that a config.yaml records, in its order. Other lines are ignored.
std::vector<ChangedKey> read_changes(const std::string& path);
// The list "changed_keys" of results.json: {"step", "key", "before", "now"}.
nlohmann::json to_json(const std::vector<ChangedKey>& changes);

// The values that a checkpoint keeps, as YAML text under their keys: of all keys but those that
// keep the meaning (config.h), and `model`, which a hash of the weights identifies.
nlohmann::json recorded_values(const Config& config);

// Among these values, beside those of keys: the hash of the run's tokenizer (copy_tokenizer.h).
constexpr const char* kRecordedTokenizer = "tokenizer_sha256";
// Throws if a checkpoint has these values, and the hash is not `found`, that of the model's folder
// now: other tokens would be other rows. Old checkpoints have none.
void require_same_tokenizer(const nlohmann::json& values, const std::string& found,
                            const std::string& model);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
