// The small files of a tokenizer: tokenizer_config.json and added_tokens.json, vocab.json,
// merges.txt and vocab.txt. All are untrusted: each error names the file and the key or line.
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/tokenizer/added_tokens.h"
#include "data/tokenizer/byte_level_bpe.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::data {

// The JSON object in a tokenizer's file of at most 256 MiB.
nlohmann::json read_tokenizer_json(const std::filesystem::path& path);

// object[key] as a bool; `fallback` if it is missing or null. Throws for another type.
bool json_flag(const nlohmann::json& object, const char* key, bool fallback,
               const std::string& path);

// Reads a token's text and flags from a JSON object in Hugging Face's form ({"content": ...,
// "lstrip": ...}). Missing flags are false.
AddedToken read_added_token(const nlohmann::json& object, const std::string& path);

Vocab read_vocab(const nlohmann::json& object, const std::string& path);  // token -> id
Vocab read_vocab_txt(const std::filesystem::path& path);                  // a token a line
std::vector<std::pair<std::string, std::string>> read_merges_txt(const std::filesystem::path& path);

// The special and other added tokens of a tokenizer.
struct TokenSet {
  std::vector<AddedToken> tokens;
  SpecialTokens special;
  int vocab_size = 0;  // one more than the largest id
};

// A special token before it has an id. `role` is its key in tokenizer_config.json.
struct SpecialDefault {
  const char* role;  // cls_token, ...
  AddedToken token;
};

// Collects all added tokens: those of tokenizer_config.json, special_tokens_map.json and
// added_tokens.json in `dir`, those `known` from tokenizer.json, and the defaults of the model
// type. A token without an id gets the one that find(text) returns from the vocabulary or, if that
// is -1, the next free id from `vocab_size` on.
TokenSet collect_tokens(const std::filesystem::path& dir, std::vector<AddedToken> known,
                        const std::vector<SpecialDefault>& defaults,
                        const std::function<int32_t(const std::string&)>& find, int vocab_size);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
