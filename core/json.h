// JSON of foreign files: size and depth are bounded, duplicate keys refused, and typed access names
// file and key in its errors.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace soragrad {

constexpr int64_t kMaxJsonBytes = 16 << 20;  // AdaLoRA's rank_pattern of a large model is 200 kB

// The value in a text; a byte order mark is skipped. NaN, Infinity and -Infinity, which Python's
// json writes, become strings of that name. `where` names the text in messages. Throws for what is
// not JSON, an object that has a key twice, and nesting deeper than 64.
nlohmann::json parse_json(std::string_view text, const std::string& where);
// The same, and refuses everything but an object.
nlohmann::json parse_json_object(std::string_view text, const std::string& where);
// The object in a file of at most max_bytes.
nlohmann::json read_json_object(const std::filesystem::path& path,
                                int64_t max_bytes = kMaxJsonBytes);

// The text with NaN, Infinity and -Infinity, where they stand outside of strings, in quotes: "NaN",
// or with a `mark` in front, which tells them from strings of that name: "<mark>NaN".
std::string quote_python_numbers(std::string_view text, std::string_view mark = "");
// Takes quotes and mark away again.
std::string unquote_python_numbers(std::string text, std::string_view mark);

// The value as text, with line ends where `indent` is not negative. Never throws: what is no UTF-8
// in its strings becomes U+FFFD.
template <typename Json>
std::string json_text(const Json& value, int indent = -1) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// "a string", "an object", ...: the type of a value, for messages.
std::string_view type_text(const nlohmann::json& value);

// Typed access to the keys of one object. A key that is missing or null leaves the value as it is
// and returns false; one of the wrong type or out of range throws naming file and key.
class JsonReader {
 public:
  // Borrows the object.
  JsonReader(const nlohmann::json& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  bool read(const char* key, bool& value) const;
  bool read(const char* key, std::string& value) const;
  bool read(const char* key, int64_t& value, int64_t low, int64_t high) const;  // in [low, high]
  bool read(const char* key, double& value, double low, double high) const;     // in [low, high)

  // The value of a key, or null if it is missing or null.
  const nlohmann::json* find(const char* key) const;
  [[noreturn]] void refuse_type(const char* key, const nlohmann::json& found,
                                const char* wanted) const;
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
