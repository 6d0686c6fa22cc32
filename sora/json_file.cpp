#include "sora/json_file.h"

#include <set>
#include <string_view>

#include "core/error.h"
#include "core/file.h"

namespace soragrad::sora {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxBytes = 16 << 20;  // AdaLoRA's rank_pattern of a large model is 200 kB
constexpr int kMaxDepth = 64;

const Json& at(const Json& json, const std::string& key, const std::string& where) {
  const auto found = json.find(key);
  require(found != json.end(), "[{}] the key \"{}\" is missing.", where, key);
  return *found;
}

[[noreturn]] void wrong_type(const Json& json, const std::string& key, const std::string& where,
                             const char* wanted) {
  fail("[{}] \"{}\" is {}, not {}.", where, key, json.type_name(), wanted);
}

}  // namespace

Json read_json_object(const std::filesystem::path& path) {
  const std::string where = path.string();
  const std::string bytes = read_file(where, kMaxBytes);
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    require(depth <= kMaxDepth, "[{}] nested deeper than {}.", where, kMaxDepth);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto name = value.get<std::string>();
      require(keys.back().insert(name).second, "[{}] the key \"{}\" occurs twice.", where, name);
    }
    return true;
  };
  try {
    Json json = Json::parse(bytes, watch);
    require(json.is_object(), "[{}] is {}, not an object.", where, json.type_name());
    return json;
  } catch (const Json::exception& error) {
    fail("[{}] is no JSON: {}", where, error.what());
  }
}

void read_key(const Json& json, const std::string& key, const std::string& where, bool& value) {
  const Json& found = at(json, key, where);
  if (!found.is_boolean()) wrong_type(found, key, where, "true or false");
  value = found.get<bool>();
}

void read_key(const Json& json, const std::string& key, const std::string& where, int64_t& value) {
  const Json& found = at(json, key, where);
  if (!found.is_number_integer()) wrong_type(found, key, where, "an integer");
  require(!found.is_number_unsigned() || found.get<uint64_t>() <= uint64_t{INT64_MAX},
          "[{}] \"{}\" is too large.", where, key);
  value = found.get<int64_t>();
}

void read_key(const Json& json, const std::string& key, const std::string& where, double& value) {
  const Json& found = at(json, key, where);
  if (!found.is_number()) wrong_type(found, key, where, "a number");
  value = found.get<double>();
}

void read_key(const Json& json, const std::string& key, const std::string& where,
              std::string& value) {
  const Json& found = at(json, key, where);
  if (!found.is_string()) wrong_type(found, key, where, "a string");
  value = found.get<std::string>();
}

void read_key(const Json& json, const std::string& key, const std::string& where,
              std::vector<std::string>& value) {
  const Json& found = at(json, key, where);
  if (!found.is_array()) wrong_type(found, key, where, "a list of strings");
  value.clear();
  for (const Json& item : found) {
    if (!item.is_string()) wrong_type(item, key, where, "a list of strings");
    value.push_back(item.get<std::string>());
  }
}

}  // namespace soragrad::sora
