// A model folder is complete with its tokenizer's files.
#pragma once

#include <filesystem>
#include <string>

namespace soragrad::data {

// Copies the tokenizer files that are there, each in one step. `to` must exist. Throws if a file
// cannot be read or written.
void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to);

// SHA-256 over name and bytes of each file that decides which tokens a text has.
std::string tokenizer_sha256(const std::filesystem::path& folder);

// Whether the folder has a file that load_tokenizer() could read.
bool has_tokenizer(const std::filesystem::path& folder);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
