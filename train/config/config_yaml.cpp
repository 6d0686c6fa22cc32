// YAML in and out, and the table as --help.
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "train/config/config.h"
#include "train/config/suggest.h"
#include "train/config/yaml_file.h"

namespace soragrad::train {

namespace {

constexpr size_t kMaxListBytes = 1 << 16;

// Shortest text that reads back as the same number; with a point before the exponent, without which
// YAML 1.1 readers take it for a word.
std::string yaml_number(double value) {
  std::string text = fmt::format("{}", value);
  const size_t exponent = text.find('e');
  if (exponent != text.npos && text.find('.') == text.npos) text.insert(exponent, ".0");
  return text;
}

// Quoted unless it is a plain word or path that no YAML reader takes for something else.
std::string word_text(const std::string& text) {
  const bool plain = !text.empty() && (std::isalpha(static_cast<unsigned char>(text[0])) ||
                                       text[0] == '/' || text[0] == '.' || text[0] == '_');
  bool safe = plain;
  for (const char c : text) {
    safe = safe && (std::isalnum(static_cast<unsigned char>(c)) ||
                    std::string_view("/._-+").find(c) != std::string_view::npos);
  }
  for (const std::string_view special :
       {"null", "Null", "NULL", "true", "false", "yes", "no", "on", "off"}) {
    safe = safe && text != special;
  }
  if (safe) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

struct Writer {
  std::string operator()(const std::string* field) const {
    return field->empty() ? "auto" : word_text(*field);
  }
  std::string operator()(const bool* field) const { return *field ? "true" : "false"; }
  std::string operator()(const int64_t* field) const { return fmt::format("{}", *field); }
  std::string operator()(const double* field) const { return yaml_number(*field); }
  std::string operator()(const std::vector<std::string>* field) const {
    if (field->empty()) return "auto";
    std::string text;
    for (const std::string& part : *field) text += (text.empty() ? "" : ", ") + word_text(part);
    return "[" + text + "]";
  }
  template <typename T>
  std::string operator()(const std::optional<T>* field) const {
    return *field ? (*this)(&**field) : "auto";
  }
};

// Whether the key takes a list of names.
bool takes_names(std::string_view name) {
  const Key* key = find_key(name);
  Config blank;
  return key && std::holds_alternative<std::vector<std::string>*>(key->field(blank));
}

}  // namespace

// The items of a list of names are set apart by a character that no name holds, so that a name may
// hold a comma.
std::string yaml_value(const YAML::Node& node, const std::string& where, std::string_view key) {
  if (node.IsNull()) return "auto";
  if (node.IsScalar()) return node.Scalar();
  if (node.IsMap() && key == "class_weights") {
    YAML::Node flow = YAML::Clone(node);  // {a: 1, b: 2}, however it is written
    flow.SetStyle(YAML::EmitterStyle::Flow);
    return YAML::Dump(flow);
  }
  const bool is_names = takes_names(key);
  std::string text;
  bool flat = node.IsSequence();
  for (auto item = node.begin(); flat && item != node.end(); ++item) {
    require(
        !item->IsNull(),
        "[{}] {} has null in its list, which is no name; write \"null\" in quotes if it is one.",
        where, quote(key));
    flat = item->IsScalar() && text.size() <= kMaxListBytes;
    if (!flat) break;
    if (is_names || !text.empty()) text += is_names ? kNameMark : ',';
    text += item->Scalar();
  }
  if (flat) return text;
  fail("[{}] the value of {} is nested; keys are flat and take a value or a list.", where,
       quote(key));
}

namespace {

void take_keys(Config& config, const YAML::Node& root, const std::string& path) {
  if (root.IsNull()) return;
  require(root.IsMap(), "[{}:1] expected lines of `key: value`.", path);
  std::map<std::string, int> seen;
  for (const auto& entry : root) {
    const int line = entry.first.Mark().line + 1;
    const std::string where = fmt::format("{}:{}", path, line);
    require(entry.first.IsScalar(), "[{}] a key must be a word.", where);
    const std::string& key = entry.first.Scalar();
    const auto [before, fresh] = seen.emplace(key, line);
    require(fresh, "[{}] {} was set in line {} already.", where, quote(key), before->second);
    set(config, key, yaml_value(entry.second, where, key), where);
  }
}

}  // namespace

void read_yaml(Config& config, const std::string& path) {
  take_keys(config, read_yaml_file(path, "config"), path);
}

void read_yaml_text(Config& config, const std::string& text, const std::string& path) {
  take_keys(config, parse_yaml(text, path, "config"), path);
}

std::string value_text(Config& config, const Key& key) {
  return std::visit(Writer{}, key.field(config));
}

std::string to_yaml(const Config& config) {
  Config copy = config;
  std::string text, group;
  for (const Key& key : keys(config.verb)) {
    if (group != key.group) {
      group = key.group;
      text += fmt::format("{}# {}\n", text.empty() ? "" : "\n", group);
    }
    text += fmt::format("{}: {}\n", key.name, value_text(copy, key));
  }
  return text;
}

std::string keys_help(Verb verb) {
  Config defaults;
  std::string text, group;
  for (const Key& key : keys(verb)) {
    if (group != key.group) {
      group = key.group;
      text += fmt::format("\n{}:\n", group);
    }
    std::string value = value_text(defaults, key);
    const bool shows_unset = !key.unset.empty();
    if (shows_unset) value = key.unset;
    const bool required = key.unset == "required";
    std::string help(key.help);
    const std::string choices = choices_of(key);
    if (!choices.empty()) help += fmt::format("{}{}", help.empty() ? "" : ": ", choices);
    if (required) {
      text += fmt::format("  {:<28} (required) {}\n", key.name, help);
    } else {
      text += fmt::format("  {:<28} {}{}[{}]\n", key.name, help, help.empty() ? "" : " ", value);
    }
  }
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
