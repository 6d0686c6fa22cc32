#include "data/tokenizer/tokenizer_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <unordered_set>

#include "core/error.h"
#include "data/tokenizer/double_array.h"
#include "data/tokenizer/tokenizer_files.h"

namespace soragrad::data {
namespace {

using nlohmann::json;

// object[key]; throws if it is missing.
const json& member(const json& object, const char* key, const std::string& path) {
  require(object.is_object() && object.contains(key), "[{}] \"{}\" is missing.", path, key);
  return object[key];
}

// object[key] as a string; throws if it is anything else.
std::string text_of(const json& object, const char* key, const std::string& path) {
  const json& value = member(object, key, path);
  require(value.is_string(), "[{}] \"{}\" is {}; it must be a string.", path, key,
          value.type_name());
  return value.get<std::string>();
}

// Throws unless the part (normalizer, model, ...) has this "type".
void expect_type(const json& object, std::string_view type, const char* part,
                 const std::string& path) {
  const std::string found = text_of(object, "type", path);
  require(found == type, "[{}] the {} is {}; {} is needed for this model type.", path, part, found,
          type);
}

// The members of file[key] if it is a Sequence, else file[key] alone. Empty if it is null or
// missing.
std::vector<const json*> parts_of(const json& file, const char* key, const char* list,
                                  const std::string& path) {
  std::vector<const json*> parts;
  const auto found = file.find(key);
  if (found == file.end() || found->is_null()) return parts;
  if (text_of(*found, "type", path) != "Sequence") return {&*found};
  const json& members = member(*found, list, path);
  require(members.is_array(), "[{}] \"{}\" is {}; it must be an array.", path, list,
          members.type_name());
  for (const json& part : members) parts.push_back(&part);
  return parts;
}

// The charsmap in tokenizer.json is base64 (RFC 4648).
std::string decode_base64(std::string_view text, const std::string& path) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    require(value >= 0, "[{}] precompiled_charsmap is no base64.", path);
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  return bytes;
}

// Throws if one of the keys is set to anything but its neutral value.
void expect_absent(const json& model, std::initializer_list<const char*> keys,
                   const std::string& path) {
  for (const char* key : keys) {
    const auto found = model.find(key);
    const bool absent = found == model.end() || found->is_null() || *found == json("") ||
                        *found == json(false) || *found == json(0.0);
    require(absent, "[{}] model.{} is set, which is not supported.", path, key);
  }
}

// Whether these are the normalizers that DebertaV2Tokenizer of transformers 5 writes.
bool is_transformers_5(const std::vector<const json*>& parts) {
  static const std::array<json, 3> kParts = {
      json{{"type", "Replace"}, {"pattern", {{"Regex", "\\s{2,}|[\\n\\r\\t]"}}}, {"content", " "}},
      json{{"type", "NFC"}}, json{{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}}};
  return std::equal(parts.begin(), parts.end(), kParts.begin(), kParts.end(),
                    [](const json* part, const json& known) { return *part == known; });
}

// Accepts Strip, Precompiled, Replace(" {2,}", " "), which transformers' DebertaV2Converter writes.
// Returns the charsmap, empty if Precompiled is left out.
std::string read_charsmap(const std::vector<const json*>& parts, const std::string& path) {
  std::string order;
  std::string charsmap;
  for (const json* part : parts) {
    const std::string type = text_of(*part, "type", path);
    order += (order.empty() ? "" : ", ") + type;
    if (type == "Precompiled") {
      charsmap = decode_base64(text_of(*part, "precompiled_charsmap", path), path);
    } else if (type == "Replace") {
      const json& pattern = member(*part, "pattern", path);
      require(pattern.is_object() && pattern.value("Regex", "") == " {2,}" &&
                  text_of(*part, "content", path) == " ",
              "[{}] the normalizer Replace is not \" {{2,}}\" by \" \".", path);
    } else if (type == "Strip") {
      require(
          json_flag(*part, "strip_left", true, path) && json_flag(*part, "strip_right", true, path),
          "[{}] the normalizer Strip must strip both ends.", path);
    }
  }
  require(order == "Strip, Precompiled, Replace" || order == "Strip, Replace",
          "[{}] the normalizer is [{}]; DeBERTaV3's is [Strip, Precompiled, Replace].", path,
          order);
  return charsmap;
}

}  // namespace

UnigramSpec read_unigram_json(const json& file, const std::string& path) {
  UnigramSpec spec;
  const std::vector<const json*> normalizers = parts_of(file, "normalizer", "normalizers", path);
  spec.nfc = is_transformers_5(normalizers);
  if (!spec.nfc) spec.charsmap = read_charsmap(normalizers, path);
  const std::vector<const json*> pre = parts_of(file, "pre_tokenizer", "pretokenizers", path);
  require(pre.size() == 1, "[{}] {} pre-tokenizers; Metaspace alone is needed.", path, pre.size());
  expect_type(*pre[0], "Metaspace", "pre-tokenizer", path);
  require(
      text_of(*pre[0], "replacement", path) == "\xE2\x96\x81" &&
          json_flag(*pre[0], "split", true, path) &&
          (pre[0]->contains("prepend_scheme") ? text_of(*pre[0], "prepend_scheme", path) == "always"
                                              : json_flag(*pre[0], "add_prefix_space", true, path)),
      "[{}] Metaspace must prepend U+2581 always and split.", path);

  const json& model = member(file, "model", path);
  expect_type(model, "Unigram", "model", path);
  const json& vocab = member(model, "vocab", path);
  require(vocab.is_array() && !vocab.empty() &&
              vocab.size() <= static_cast<size_t>(DoubleArray::kMaxValue),
          "[{}] model.vocab must be an array of 1 to {} pieces.", path, DoubleArray::kMaxValue);
  std::unordered_set<std::string_view> seen;
  spec.pieces.reserve(vocab.size());  // `seen` points into it
  for (const json& entry : vocab) {
    require(entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number() &&
                !entry[0].get_ref<const std::string&>().empty() &&
                std::isfinite(entry[1].get<double>()),
            "[{}] piece {} of model.vocab is no [text, score].", path, spec.pieces.size());
    spec.pieces.push_back(entry[0].get<std::string>());
    spec.scores.push_back(entry[1].get<double>());
    require(seen.insert(spec.pieces.back()).second, "[{}] piece {} of model.vocab occurs twice.",
            path, spec.pieces.size() - 1);
  }
  const json& unk = member(model, "unk_id", path);
  require(unk.is_number_unsigned() && unk.get<uint64_t>() < spec.pieces.size(),
          "[{}] model.unk_id is no piece.", path);
  spec.unk_id = unk.get<int32_t>();
  spec.byte_fallback = json_flag(model, "byte_fallback", false, path);
  return spec;
}

BpeSpec read_bpe_json(const json& file, const std::string& path) {
  BpeSpec spec;
  require(parts_of(file, "normalizer", "normalizers", path).empty(),
          "[{}] a normalizer is set; RoBERTa has none.", path);
  const std::vector<const json*> pre = parts_of(file, "pre_tokenizer", "pretokenizers", path);
  require(pre.size() == 1, "[{}] {} pre-tokenizers; ByteLevel alone is needed.", path, pre.size());
  expect_type(*pre[0], "ByteLevel", "pre-tokenizer", path);
  require(json_flag(*pre[0], "use_regex", true, path), "[{}] ByteLevel must have use_regex.", path);
  spec.add_prefix_space = json_flag(*pre[0], "add_prefix_space", true, path);

  const json& model = member(file, "model", path);
  if (model.is_object() && model.contains("type")) expect_type(model, "BPE", "model", path);
  expect_absent(model,
                {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback",
                 "ignore_merges"},
                path);
  if (const auto unk = model.find("unk_token"); unk != model.end() && !unk->is_null()) {
    spec.unk_token = text_of(model, "unk_token", path);
  }
  spec.fuse_unk = json_flag(model, "fuse_unk", false, path);
  spec.vocab = read_vocab(member(model, "vocab", path), path);
  const json& merges = member(model, "merges", path);
  require(merges.is_array(), "[{}] model.merges must be an array.", path);
  for (const json& merge : merges) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      spec.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : std::string();
    const size_t space = text.find(' ');
    require(space != std::string::npos && text.find(' ', space + 1) == std::string::npos,
            "[{}] merge {} is neither \"a b\" nor [\"a\", \"b\"].", path, spec.merges.size() + 1);
    spec.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return spec;
}

WordPieceSpec read_wordpiece_json(const json& file, const std::string& path) {
  WordPieceSpec spec;
  const json& normalizer = member(file, "normalizer", path);
  expect_type(normalizer, "BertNormalizer", "normalizer", path);
  spec.clean_text = json_flag(normalizer, "clean_text", true, path);
  spec.chinese_apart = json_flag(normalizer, "handle_chinese_chars", true, path);
  spec.lower_case = json_flag(normalizer, "lowercase", true, path);
  spec.strip_accents = json_flag(normalizer, "strip_accents", spec.lower_case, path);
  expect_type(member(file, "pre_tokenizer", path), "BertPreTokenizer", "pre-tokenizer", path);

  const json& model = member(file, "model", path);
  if (model.is_object() && model.contains("type")) expect_type(model, "WordPiece", "model", path);
  spec.vocab = read_vocab(member(model, "vocab", path), path);
  if (model.contains("continuing_subword_prefix")) {
    spec.prefix = text_of(model, "continuing_subword_prefix", path);
  }
  if (const auto chars = model.find("max_input_chars_per_word"); chars != model.end()) {
    require(chars->is_number_unsigned(), "[{}] model.max_input_chars_per_word must be a number.",
            path);
    spec.max_word_chars = chars->get<size_t>();
  }
  return spec;
}

std::vector<AddedToken> read_added_tokens_json(const json& file, const std::string& path) {
  std::vector<AddedToken> tokens;
  const auto found = file.find("added_tokens");
  if (found == file.end() || found->is_null()) return tokens;
  require(found->is_array(), "[{}] added_tokens must be an array.", path);
  for (const json& entry : *found) {
    AddedToken token = read_added_token(entry, path);
    const json& id = member(entry, "id", path);
    require(id.is_number_unsigned() && id.get<uint64_t>() <= DoubleArray::kMaxValue,
            "[{}] added token \"{}\" has no id from 0 to {}.", path, token.text,
            DoubleArray::kMaxValue);
    token.id = id.get<int32_t>();
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
