// tokenizer.json, Hugging Face's one-file form of a fast tokenizer. Only the parts that DeBERTaV3,
// RoBERTa and BERT use are accepted. Anything else throws, because skipping it would change ids.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "data/tokenizer/added_tokens.h"
#include "data/tokenizer/byte_level_bpe.h"
#include "data/tokenizer/deberta.h"
#include "data/tokenizer/wordpiece.h"

namespace soragrad::data {

// Each throws, naming `path` and the key, if the file is malformed or describes another kind of
// tokenizer.
UnigramSpec read_unigram_json(const nlohmann::json& file, const std::string& path);
BpeSpec read_bpe_json(const nlohmann::json& file, const std::string& path);
WordPieceSpec read_wordpiece_json(const nlohmann::json& file, const std::string& path);
std::vector<AddedToken> read_added_tokens_json(const nlohmann::json& file, const std::string& path);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
