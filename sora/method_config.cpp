#include "sora/method_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/json.h"
#include "core/text.h"
#include "sora/baselines/adapter.h"
#include "sora/target_pattern.h"

namespace soragrad::sora {
namespace {

bool is_low_rank(const std::string& method) {
  return method == "sora" || method == "lora" || method == "adalora";
}

// Calls visit(name, member) for every key of the method; the one list that reading and writing
// share.
template <typename Config, typename Visit>
void for_each_key(Config& config, Visit&& visit) {
  const std::string method = config.method;
  visit("train_head", config.train_head);
  if (is_low_rank(method)) {
    visit("lora_alpha", config.lora_alpha);
    visit("lora_dropout", config.lora_dropout);
    visit("target_modules", config.target_modules);
  }
  if (method == "sora" || method == "lora") visit("r", config.r);
  if (method == "sora") {
    visit("proximal", config.proximal);
    visit("xi", config.xi);
    visit("sparse_lambda", config.sparse_lambda);
    visit("sparse_lr", config.sparse_lr);
    visit("sparse_adam_epsilon", config.sparse_adam_epsilon);
    visit("sparse_optim", config.sparse_optim);
  }
  if (method == "adalora") {
    visit("init_r", config.init_r);
    visit("target_r", config.target_r);
    visit("tinit", config.tinit);
    visit("tfinal", config.tfinal);
    visit("deltaT", config.deltaT);
    visit("beta1", config.beta1);
    visit("beta2", config.beta2);
    visit("orth_reg_weight", config.orth_reg_weight);
  }
  if (method == "houlsby" || method == "pfeiffer") {
    visit("bottleneck", config.bottleneck);
    visit("adapter_activation", config.adapter_activation);
  }
}

void at_least(const char* key, int64_t value, int64_t least) {
  require(value >= least, "[{}] {} is too small; at least {} is wanted.", key, value, least);
}

void not_negative(const char* key, double value) {
  require(std::isfinite(value) && value >= 0, "[{}] {} is no number from 0 on.", key, value);
}

void in_unit(const char* key, double value) {
  require(value >= 0 && value < 1, "[{}] {} is not in [0, 1).", key, value);
}

void check_sora(const MethodConfig& config) {
  nn::proximal_of(config.proximal);
  not_negative("xi", config.xi.value_or(0));
  not_negative("sparse_lambda", config.sparse_lambda);
  not_negative("sparse_adam_epsilon", config.sparse_adam_epsilon);
  require(config.sparse_optim == "adamw" || config.sparse_optim == "sgd",
          "[sparse_optim] \"{}\" is not known; use adamw or sgd.", config.sparse_optim);
}

void check_adalora(const MethodConfig& config) {
  at_least("init_r", config.init_r, 1);
  at_least("target_r", config.target_r, 0);
  require(config.target_r <= config.init_r, "[target_r] {} is above init_r, {}.", config.target_r,
          config.init_r);
  at_least("tinit", config.tinit, 0);
  at_least("tfinal", config.tfinal, 0);
  at_least("deltaT", config.deltaT, 1);
  in_unit("beta1", config.beta1);
  in_unit("beta2", config.beta2);
  not_negative("orth_reg_weight", config.orth_reg_weight);
}

// Largest rank a Linear can be given: keeps a mistyped number from allocating without bound.
constexpr int64_t kMaxRank = 65536;

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
  if (is_low_rank(config.method)) {
    require(std::isfinite(config.lora_alpha), "[lora_alpha] {} is no number.", config.lora_alpha);
    in_unit("lora_dropout", config.lora_dropout);
  }
  if (config.method == "sora" || config.method == "lora") at_least("r", config.r, 1);
  if (config.method == "sora") check_sora(config);
  if (config.method == "adalora") check_adalora(config);
  if (config.method == "houlsby" || config.method == "pfeiffer") {
    at_least("bottleneck", config.bottleneck, 1);
    activation_of(config.adapter_activation);
  }
  for (const std::string& target : config.target_modules) TargetPattern{target};  // throws
  for (const int64_t rank : {config.r, config.init_r, config.bottleneck}) {
    require(rank <= kMaxRank, "[method] a rank of {} is above {}.", rank, kMaxRank);
  }
  for (const ModuleShape& shape : config.modules.value_or(std::vector<ModuleShape>{})) {
    require(shape.rank >= 1 && shape.rank <= kMaxRank && std::isfinite(shape.factor),
            "[modules] {} has rank {} and factor {}; a rank of 1 to {} and a number are wanted.",
            shape.module, shape.rank, shape.factor, kMaxRank);
  }
}

nlohmann::json to_json(const MethodConfig& config) {
  nlohmann::json json{{"method", config.method}};
  for_each_key(config, [&](const char* key, const auto& value) { write_value(json, key, value); });
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
  for_each_key(config, [&](const char* key, auto& value) { read_key(reader, key, value); });
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
