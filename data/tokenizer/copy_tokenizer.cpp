#include "data/tokenizer/copy_tokenizer.h"

#include <algorithm>
#include <iterator>

#include "core/file.h"
#include "core/sha256.h"

namespace soragrad::data {

namespace {

// Those that hold the vocabulary come first.
constexpr const char* kVocabularies[] = {"spm.model", "vocab.json", "vocab.txt", "tokenizer.json"};
constexpr const char* kOthers[] = {"merges.txt", "tokenizer_config.json", "special_tokens_map.json",
                                   "added_tokens.json"};

bool is_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

}  // namespace

void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to) {
  const auto copy = [&](const char* name) {
    if (!is_file(from / name)) return;
    write_file_atomically((to / name).string(), read_file((from / name).string()));
  };
  std::ranges::for_each(kVocabularies, copy);
  std::ranges::for_each(kOthers, copy);
}

std::string tokenizer_sha256(const std::filesystem::path& folder) {
  Sha256 hash;
  const auto add = [&](const char* name) {
    if (!is_file(folder / name)) return;
    hash.update(std::string_view(name));
    hash.update(read_file((folder / name).string()));
  };
  std::ranges::for_each(kVocabularies, add);
  for (const char* name : {"merges.txt", "added_tokens.json"}) add(name);
  return hash.hex();
}

bool has_tokenizer(const std::filesystem::path& folder) {
  return std::ranges::any_of(kVocabularies,
                             [&](const char* name) { return is_file(folder / name); });
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
