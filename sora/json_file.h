// JSON files of adapters: read with bounds on size and depth, duplicate keys refused, and typed
// access whose errors name file and key.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace soragrad::sora {

// The object in a file; a byte order mark is skipped. Throws naming the file and what is wrong.
nlohmann::json read_json_object(const std::filesystem::path& path);

// Reads a key that must be there and have the type of the value. Throws naming `where` and the key.
void read_key(const nlohmann::json& json, const std::string& key, const std::string& where,
              bool& value);
void read_key(const nlohmann::json& json, const std::string& key, const std::string& where,
              int64_t& value);
void read_key(const nlohmann::json& json, const std::string& key, const std::string& where,
              double& value);
void read_key(const nlohmann::json& json, const std::string& key, const std::string& where,
              std::string& value);
void read_key(const nlohmann::json& json, const std::string& key, const std::string& where,
              std::vector<std::string>& value);

// As read_key, but leaves the value as it is where the key is missing or null.
template <typename T>
void read_optional(const nlohmann::json& json, const std::string& key, const std::string& where,
                   T& value) {
  const auto found = json.find(key);
  if (found != json.end() && !found->is_null()) read_key(json, key, where, value);
}

}  // namespace soragrad::sora
