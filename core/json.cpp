#include "core/json.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace soragrad {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 64;

constexpr std::string_view kPythonNumbers[] = {"-Infinity", "Infinity", "NaN"};

Json parse_strictly(std::string_view text, const std::string& where) {
  std::vector<std::unordered_set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    require(depth <= kMaxDepth, "[{}] nested deeper than {}.", where, kMaxDepth);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& name = value.get_ref<const std::string&>();
      const bool is_new = keys.back().insert(name).second;
      require(is_new, "[{}] the key {} occurs twice.", where, quote(name));
    }
    return true;
  };
  return Json::parse(text, watch);
}

// Names the line and column of byte `position`, counted from 1.
[[noreturn]] void refuse_text(std::string_view text, const std::string& where, size_t position) {
  const std::string_view before = text.substr(0, position > 0 ? position - 1 : 0);
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string_view near = trimmed(text.substr(before.size(), 80));
  constexpr size_t kNear = 20;
  fail("[{}] is not JSON from line {}, column {} on: {}.", where,
       1 + std::count(before.begin(), before.end(), '\n'), before.size() - line_begin + 1,
       near.empty() ? "the text ends there" : quote(near.substr(0, kNear)));
}

}  // namespace

std::string quote_python_numbers(std::string_view text, std::string_view mark) {
  std::string result;
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const auto* word = std::find_if(std::begin(kPythonNumbers), std::end(kPythonNumbers),
                                    [&](std::string_view w) { return rest.starts_with(w); });
    if (!in_string && word != std::end(kPythonNumbers)) {
      result.append(1, '"').append(mark).append(*word).append(1, '"');
      i += word->size();
      continue;
    }
    if (in_string && text[i] == '\\' && i + 1 < text.size())
      result += text[i++];
    else if (text[i] == '"')
      in_string = !in_string;
    result += text[i++];
  }
  return result;
}

std::string unquote_python_numbers(std::string text, std::string_view mark) {
  for (const std::string_view each : kPythonNumbers) {
    const std::string quoted = fmt::format("\"{}{}\"", mark, each);
    for (size_t at = text.find(quoted); at != text.npos; at = text.find(quoted, at)) {
      text.replace(at, quoted.size(), each);
    }
  }
  return text;
}

Json parse_json(std::string_view text, const std::string& where) {
  size_t position = 0;
  try {
    return parse_strictly(text, where);
  } catch (const Json::parse_error& error) {
    position = error.byte;
  } catch (const Json::exception&) {  // a number that no double holds
    fail("[{}] a number is beyond the range of a 64-bit float.", where);
  }
  if (const std::string repaired = quote_python_numbers(text); repaired != text) {
    try {
      return parse_strictly(repaired, where);
    } catch (const Json::exception&) {
      // The error of the text itself is the one to report.
    }
  }
  refuse_text(text, where, position);
}

Json parse_json_object(std::string_view text, const std::string& where) {
  Json json = parse_json(text, where);
  require(json.is_object(), "[{}] holds {}; a JSON object is needed.", where, type_text(json));
  return json;
}

Json read_json_object(const std::filesystem::path& path, int64_t max_bytes) {
  return parse_json_object(read_file(path.string(), max_bytes), shown(path.string()));
}

std::string_view type_text(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "true or false";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "a list" : "an object";
}

const Json* JsonReader::find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void JsonReader::refuse_type(const char* key, const Json& found, const char* wanted) const {
  fail("[{}] \"{}\" is {}; it must be {}.", where_, key,
       found.is_primitive() ? shown(json_text(found)) : std::string(type_text(found)), wanted);
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

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
