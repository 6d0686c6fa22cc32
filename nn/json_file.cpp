#include "nn/json_file.h"

#include <set>

#include "core/error.h"
#include "core/file.h"
#include "nn/checkpoint/mapped_file.h"

namespace soragrad::nn {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxBytes = 16 << 20;  // AdaLoRA's rank_pattern of a large model is 200 kB
constexpr int kMaxDepth = 64;

}  // namespace

Json parse_json_object(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    require(depth <= kMaxDepth, "[{}] nested deeper than {}.", where, kMaxDepth);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      auto name = value.get<std::string>();
      const bool is_new = keys.back().insert(name).second;
      require(is_new, "[{}] the key \"{}\" occurs twice.", where, printable(name));
    }
    return true;
  };
  try {
    Json json = Json::parse(text, watch);
    require(json.is_object(), "[{}] is {}, not an object.", where, json.type_name());
    return json;
  } catch (const Json::exception& error) {
    fail("[{}] is no JSON: {}.", where, printable(error.what()));
  }
}

Json read_json_object(const std::filesystem::path& path) {
  return parse_json_object(read_file(path.string(), kMaxBytes), printable(path.string()));
}

const Json* JsonReader::find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void JsonReader::refuse_type(const char* key, const Json& found, const char* wanted) const {
  fail("[{}] \"{}\" is {}; it must be {}.", where_, key,
       found.is_primitive() ? printable(found.dump(-1, ' ', false, Json::error_handler_t::replace))
                            : fmt::format("an {}", found.type_name()),
       wanted);
}

bool JsonReader::read(const char* key, bool& value) const {
  const Json* found = find(key);
  if (!found) return false;
  if (!found->is_boolean()) refuse_type(key, *found, "true or false");
  value = found->get<bool>();
  return true;
}

bool JsonReader::read(const char* key, std::string& value) const {
  const Json* found = find(key);
  if (!found) return false;
  if (!found->is_string()) refuse_type(key, *found, "a string");
  value = found->get<std::string>();
  return true;
}

bool JsonReader::read(const char* key, int64_t& value, int64_t low, int64_t high) const {
  const Json* found = find(key);
  if (!found) return false;
  if (!found->is_number_integer()) refuse_type(key, *found, "an integer");
  const bool fits = !found->is_number_unsigned() || found->get<uint64_t>() <= uint64_t{INT64_MAX};
  require(fits && found->get<int64_t>() >= low && found->get<int64_t>() <= high,
          "[{}] \"{}\" is {}; it must be in {} to {}.", where_, key, found->dump(), low, high);
  value = found->get<int64_t>();
  return true;
}

bool JsonReader::read(const char* key, double& value, double low, double high) const {
  const Json* found = find(key);
  if (!found) return false;
  if (!found->is_number()) refuse_type(key, *found, "a number");
  const auto number = found->get<double>();
  require(number >= low && number < high, "[{}] \"{}\" is {}; it must be at least {} and below {}.",
          where_, key, number, low, high);
  value = number;
  return true;
}

}  // namespace soragrad::nn
