#include "data/tokenizer/tokenizer_files.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_set>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/plain_text.h"
#include "core/text.h"
#include "data/tokenizer/double_array.h"

namespace soragrad::data {
namespace {

using nlohmann::json;

constexpr size_t kMaxAddedTokens = 8192;                   // each is compared with every other
constexpr int64_t kMaxTokenizerFile = int64_t{256} << 20;  // the largest known have 17 MiB

int32_t checked_id(int64_t id, const std::string& token, const std::string& path) {
  require(id >= 0 && id <= DoubleArray::kMaxValue,
          "[{}] token \"{}\" has the id {}; 0 to {} are possible.", path, token, id,
          DoubleArray::kMaxValue);
  return static_cast<int32_t>(id);
}

// Calls line(text, number) for every line, numbered from 1, without its end (LF or CR LF). What
// follows the last LF is a line only if it is not empty.
template <typename Line>
void for_each_line(std::string_view text, Line&& line) {
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view content = text.substr(0, end);
    if (content.ends_with('\r')) content.remove_suffix(1);
    line(content, ++number);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

std::string_view without_bom(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

}  // namespace

json read_tokenizer_json(const std::filesystem::path& path) {
  return read_json_object(path, kMaxTokenizerFile);
}

bool json_flag(const json& object, const char* key, bool fallback, const std::string& path) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return fallback;
  require(found->is_boolean(), "[{}] {} is {}; it must be true or false.", path, key,
          found->type_name());
  return found->get<bool>();
}

AddedToken read_added_token(const json& object, const std::string& path) {
  require(object.is_object() && object.contains("content") && object["content"].is_string() &&
              !object["content"].get_ref<const std::string&>().empty(),
          "[{}] an added token has no \"content\".", path);
  AddedToken token;
  token.text = object["content"].get<std::string>();
  token.lstrip = json_flag(object, "lstrip", false, path);
  token.rstrip = json_flag(object, "rstrip", false, path);
  token.normalized = json_flag(object, "normalized", false, path);
  require(!json_flag(object, "single_word", false, path),
          "[{}] token \"{}\" has single_word, which is not supported.", path, token.text);
  return token;
}

Vocab read_vocab(const json& object, const std::string& path) {
  require(object.is_object() && !object.empty(),
          "[{}] the vocabulary must be an object that is not empty.", path);
  Vocab vocab;
  vocab.reserve(object.size());
  std::unordered_set<int32_t> ids;
  for (const auto& [token, id] : object.items()) {
    require(id.is_number_integer(),
            "[{}] the id of token \"{}\" is no whole number but of type {}.", path, token,
            id.type_name());
    const int32_t value = checked_id(id.get<int64_t>(), token, path);
    require(ids.insert(value).second, "[{}] the id {} belongs to two tokens.", path, value);
    vocab.emplace(token, value);
  }
  return vocab;
}

Vocab read_vocab_txt(const std::filesystem::path& path) {
  const std::string text = read_file(path.string(), kMaxTokenizerFile);
  Vocab vocab;
  for_each_line(without_bom(text), [&](std::string_view token, size_t line) {
    // A token that occurs twice has the id of its last line, as in the reference.
    vocab[std::string(token)] =
        checked_id(static_cast<int64_t>(line) - 1, std::string(token), path.string());
  });
  require(!vocab.empty(), "[{}] no token in it.", path.string());
  return vocab;
}

std::vector<std::pair<std::string, std::string>> read_merges_txt(
    const std::filesystem::path& path) {
  const std::string text = read_file(path.string(), kMaxTokenizerFile);
  std::vector<std::pair<std::string, std::string>> merges;
  for_each_line(without_bom(text), [&](std::string_view line, size_t number) {
    if (number == 1) return;  // "#version: 0.2"
    const size_t space = line.find(' ');
    require(space != std::string_view::npos && space > 0 && space + 1 < line.size() &&
                line.find(' ', space + 1) == std::string_view::npos,
            "[tokenizer] {}:{}: a merge is two tokens with one space between them.", path.string(),
            number);
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  });
  // The reference drops what follows the last line end.
  if (!text.empty() && !text.ends_with('\n') && !merges.empty()) merges.pop_back();
  return merges;
}

namespace {

// The added tokens of a folder; the first file that names one decides.
struct Collector {
  TokenSet set;

  std::vector<AddedToken>::iterator named(const std::string& text) {
    return std::ranges::find(set.tokens, text, &AddedToken::text);
  }

  void add(const AddedToken& token) {
    const bool has_room = set.tokens.size() <= kMaxAddedTokens;  // one too many is refused later
    if (has_room && named(token.text) == set.tokens.end()) set.tokens.push_back(token);
  }

  // tokenizer_config.json: {"added_tokens_decoder": {ID: {"content": TEXT, ...}}}.
  void add_decoder(const json& config, const std::string& path) {
    const auto decoder = config.find("added_tokens_decoder");
    if (decoder == config.end() || !decoder->is_object()) return;
    for (const auto& [key, value] : decoder->items()) {
      AddedToken token = read_added_token(value, path);
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
      require(error == std::errc() && end == key.data() + key.size(),
              "[{}] added_tokens_decoder has the id \"{}\"; it must be a number.", path, key);
      checked_id(token.id, token.text, path);
      add(token);
    }
  }

  // added_tokens.json: {TEXT: ID}. How a special token is stripped follows from its default.
  void add_tokens_file(const std::filesystem::path& path,
                       const std::vector<SpecialDefault>& defaults) {
    const json added = read_tokenizer_json(path);
    for (const auto& [text, id] : added.items()) {
      require(
          id.is_number_integer() && !text.empty(),
          "[{}] the id of token \"{}\" is no whole number but of type {}, or the text is empty.",
          path.string(), text, id.type_name());
      const int32_t value = checked_id(id.get<int64_t>(), text, path.string());
      const auto role = std::ranges::find(
          defaults, text, [](const SpecialDefault& entry) { return entry.token.text; });
      AddedToken token = role != defaults.end() ? role->token : AddedToken{text};
      token.id = value;
      add(token);
    }
  }

  // The id of a special token: as an added one, as the vocabulary has it, else the next free one.
  int32_t id_of(AddedToken token, const std::function<int32_t(const std::string&)>& find,
                int& next_id) {
    if (const auto found = named(token.text); found != set.tokens.end()) return found->id;
    const int32_t id = find(token.text);
    token.id = id >= 0 ? id : next_id++;
    set.tokens.push_back(token);
    return token.id;
  }
};

// The token of a role: the configuration's, a text or an object, else the family's default.
AddedToken special_token(const SpecialDefault& entry, const json& config, const std::string& path) {
  AddedToken token = entry.token;
  const auto value = config.find(entry.role);
  if (value == config.end() || value->is_null()) return token;
  if (value->is_string()) {
    token.text = value->get<std::string>();
  } else {
    token = read_added_token(*value, path);
  }
  require(!token.text.empty(), "[{}] {} is empty.", path, entry.role);
  return token;
}

// Older folders have the special tokens in special_tokens_map.json, which then wins, as in Hugging
// Face; newer ones have added_tokens_decoder. Returns the path of the file that names the tokens.
std::filesystem::path take_token_map(const std::filesystem::path& dir,
                                     const std::vector<SpecialDefault>& defaults, json& config) {
  std::filesystem::path map_path = dir / "special_tokens_map.json";
  if (config.contains("added_tokens_decoder") || !path_exists(map_path)) {
    return dir / "tokenizer_config.json";
  }
  const json map = read_tokenizer_json(map_path);
  for (const SpecialDefault& entry : defaults) {
    const auto value = map.find(entry.role);
    if (value != map.end() && !value->is_null()) config[entry.role] = *value;
  }
  return map_path;
}

int32_t& id_of_role(SpecialTokens& special, std::string_view role) {
  return role == "cls_token"   ? special.cls
         : role == "sep_token" ? special.sep
         : role == "pad_token" ? special.pad
         : role == "unk_token" ? special.unk
                               : special.mask;
}

}  // namespace

TokenSet collect_tokens(const std::filesystem::path& dir, std::vector<AddedToken> known,
                        const std::vector<SpecialDefault>& defaults,
                        const std::function<int32_t(const std::string&)>& find, int vocab_size) {
  Collector collector{.set = {std::move(known), {}, vocab_size}};
  json config = json::object();
  const std::filesystem::path config_path = dir / "tokenizer_config.json";
  if (path_exists(config_path)) config = read_tokenizer_json(config_path);
  collector.add_decoder(config, config_path.string());
  const std::filesystem::path added = dir / "added_tokens.json";
  if (path_exists(added)) collector.add_tokens_file(added, defaults);
  TokenSet& set = collector.set;
  require(set.tokens.size() <= kMaxAddedTokens, "[{}] {} added tokens; at most {} are supported.",
          dir.string(), set.tokens.size(), kMaxAddedTokens);
  const std::string roles_path = take_token_map(dir, defaults, config).string();
  int next_id = vocab_size;
  for (const AddedToken& token : set.tokens) next_id = std::max(next_id, token.id + 1);
  for (const SpecialDefault& entry : defaults) {
    const AddedToken token = special_token(entry, config, roles_path);
    id_of_role(set.special, entry.role) = collector.id_of(token, find, next_id);
  }
  set.vocab_size = next_id;
  return std::move(set);
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
