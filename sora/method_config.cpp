#include "sora/method_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/allowed_values.h"
#include "core/json.h"
#include "core/text.h"
#include "sora/method_keys.h"
#include "sora/target_pattern.h"

namespace soragrad::sora {
namespace {

// Calls visit(key, member) for every key that the method reads.
template <typename Visit>
void for_each_key(MethodConfig& config, Visit&& visit) {
  for (const MethodKey& key : method_keys()) {
    if (!key.is_read_by(config.method)) continue;
    std::visit([&](auto* member) { visit(key, *member); }, key.field(config));
  }
}

void check_value(const MethodKey& key, double value) {
  require_range(key.name, value, key.range);
}
void check_value(const MethodKey& key, int64_t value) {
  require_range(key.name, static_cast<double>(value), key.range);
}
void check_value(const MethodKey& key, const std::optional<double>& value) {
  if (value) check_value(key, *value);
}
void check_value(const MethodKey& key, const std::string& value) {
  require(is_choice(key.choices, value), "[{}] {} is not known; use one of {}.", key.name,
          quote(value), listed(key.choices));
}
void check_value(const MethodKey& /*target_modules*/, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) TargetPattern{pattern};  // throws
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Names appear in messages, which are one line.
void require_one_line(const JsonReader& reader, const char* key, const std::string& text) {
  require(std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }),
          "[{}] \"{}\" holds control characters.", reader.where(), key);
}

bool read_value(const JsonReader& reader, const char* key, bool& value) {
  return reader.read(key, value);
}
bool read_value(const JsonReader& reader, const char* key, std::string& value) {
  if (!reader.read(key, value)) return false;
  require_one_line(reader, key, value);
  return true;
}
bool read_value(const JsonReader& reader, const char* key, int64_t& value) {
  return reader.read(key, value, std::numeric_limits<int64_t>::min(),
                     std::numeric_limits<int64_t>::max());
}
bool read_value(const JsonReader& reader, const char* key, double& value) {
  return reader.read(key, value, -kInfinity, kInfinity);
}
bool read_value(const JsonReader& reader, const char* key, std::optional<double>& value) {
  double number = 0;
  if (read_value(reader, key, number)) value = number;
  return true;  // may be absent
}
bool read_value(const JsonReader& reader, const char* key, std::vector<std::string>& value) {
  const nlohmann::json* found = reader.find(key);
  if (!found) return false;
  value.clear();
  for (const nlohmann::json& item : *found) {
    if (!found->is_array() || !item.is_string()) reader.refuse_type(key, *found, "a list of names");
    value.push_back(item.get<std::string>());
    require_one_line(reader, key, value.back());
  }
  return true;
}

template <typename T>
void write_value(nlohmann::json& json, const char* key, const T& value) {
  json[key] = value;
}
void write_value(nlohmann::json& json, const char* key, const std::optional<double>& value) {
  if (value) json[key] = *value;
}

template <typename T>
void read_key(const JsonReader& reader, const char* key, T& value) {
  require(read_value(reader, key, value), "[{}] the key \"{}\" is missing.", reader.where(), key);
}

std::vector<ModuleShape> read_modules(const nlohmann::json& json, const JsonReader& reader) {
  if (!json.is_object()) reader.refuse_type("modules", json, "an object");
  std::vector<ModuleShape> modules;
  for (const auto& [path, entry] : json.items()) {
    require_one_line(reader, "modules", path);
    if (!entry.is_object()) reader.refuse_type("modules", entry, "an object of objects");
    const JsonReader inner(entry, reader.where() + ": modules." + shown(path));
    ModuleShape shape{path};
    read_key(inner, "rank", shape.rank);
    read_key(inner, "factor", shape.factor);
    modules.push_back(shape);
  }
  return modules;
}

}  // namespace

void check(const MethodConfig& config) {
  const std::vector<std::string> names = method_names();
  require(std::find(names.begin(), names.end(), config.method) != names.end(),
          "[method] \"{}\" is not known; use one of {}.", config.method, fmt::join(names, ", "));
  MethodConfig copy = config;
  for_each_key(copy, [](const MethodKey& key, const auto& value) { check_value(key, value); });
  require(config.method != "adalora" || config.target_r <= config.init_r,
          "[target_r] {} is above init_r, {}.", config.target_r, config.init_r);
  for (const ModuleShape& shape : config.modules.value_or(std::vector<ModuleShape>{})) {
    require(shape.rank >= 1 && shape.rank <= kMaxAdapterRank && std::isfinite(shape.factor),
            "[modules] {} has rank {} and factor {}; a rank of 1 to {} and a number are wanted.",
            shape.module, shape.rank, shape.factor, kMaxAdapterRank);
  }
}

nlohmann::json to_json(const MethodConfig& config) {
  nlohmann::json json{{"method", config.method}, {"train_head", config.train_head}};
  MethodConfig copy = config;
  for_each_key(copy, [&](const MethodKey& key, const auto& value) {
    write_value(json, key.name.data(), value);
  });
  if (config.modules) json["modules"] = nlohmann::json::object();
  for (const ModuleShape& shape : config.modules.value_or(std::vector<ModuleShape>{})) {
    json["modules"][shape.module] = {{"rank", shape.rank}, {"factor", shape.factor}};
  }
  return json;
}

MethodConfig method_config_of(const nlohmann::json& json, const std::string& where) {
  const JsonReader reader(json, where);
  MethodConfig config;
  read_key(reader, "method", config.method);
  read_key(reader, "train_head", config.train_head);
  for_each_key(
      config, [&](const MethodKey& key, auto& value) { read_key(reader, key.name.data(), value); });
  if (const nlohmann::json* modules = reader.find("modules")) {
    config.modules = read_modules(*modules, reader);
  }
  try {
    check(config);
  } catch (const Error& error) {
    fail("[{}] {}", where, error.what());
  }
  return config;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
