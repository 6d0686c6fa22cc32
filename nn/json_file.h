// JSON files of model folders: read with bounds on size and depth, duplicate keys refused, and
// typed access whose errors name file and key.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace soragrad::nn {

// The object in a text; a byte order mark is skipped. Throws naming `where` and what is wrong.
nlohmann::json parse_json_object(std::string_view text, const std::string& where);
// The object in a file of at most 16 MiB.
nlohmann::json read_json_object(const std::filesystem::path& path);

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

  // The value of a key, or null where it is missing or null.
  const nlohmann::json* find(const char* key) const;
  [[noreturn]] void refuse_type(const char* key, const nlohmann::json& found,
                                const char* wanted) const;
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace soragrad::nn
