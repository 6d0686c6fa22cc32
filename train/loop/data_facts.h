// What a run read: files with their hashes, rows, labels, tokens. Kept in results.json under
// "data".
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

#include "train/loop/rows.h"

namespace soragrad::train {

// SHA-256 by path; "" for what cannot be read any more, or is no single file.
using FileHashes = std::map<std::string, std::string>;

// Hashes the files of these rows, each once. A file that changed since it was read has the hash of
// its bytes now.
FileHashes hash_files(const std::vector<const Rows*>& splits);

// {"file", "sha256", "rows", "dropped", "tokens", "full_rows": rows of max_length tokens, most of
// which were cut to it, "labels": [[name, rows]...] in class order, or "scores": {least, mean,
// largest}}.
nlohmann::json data_facts(const Rows& rows, const FileHashes& hashes, int64_t max_length);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
