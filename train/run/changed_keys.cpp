#include "train/run/changed_keys.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <string_view>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace soragrad::train {

namespace {

constexpr std::string_view kStart = "# from step ", kBefore = ", before: ";
constexpr int64_t kMaxConfigBytes = 1 << 20;

// Takes the text up to `end` off the line, and `end` too; false if it is not there.
bool take(std::string_view& line, std::string_view end, std::string_view& text) {
  const size_t at = line.find(end);
  if (at == line.npos) return false;
  text = line.substr(0, at);
  line.remove_prefix(at + end.size());
  return true;
}

}  // namespace

std::string change_line(const ChangedKey& change) {
  return fmt::format("{}{}: {}: {}{}{}\n", kStart, change.step, change.key, change.now, kBefore,
                     change.before);
}

std::vector<ChangedKey> read_changes(const std::string& path) {
  std::vector<ChangedKey> changes;
  std::istringstream lines(read_file(path, kMaxConfigBytes));
  for (std::string text; std::getline(lines, text);) {
    std::string_view line = text, step, key, now;
    if (!line.starts_with(kStart)) continue;
    line.remove_prefix(kStart.size());
    if (!take(line, ": ", step) || !take(line, ": ", key) || !take(line, kBefore, now)) continue;
    ChangedKey change{0, std::string(key), std::string(line), std::string(now)};
    const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), change.step);
    if (error == std::errc() && end == step.data() + step.size()) changes.push_back(change);
  }
  return changes;
}

nlohmann::json to_json(const std::vector<ChangedKey>& changes) {
  nlohmann::json list = nlohmann::json::array();
  for (const ChangedKey& change : changes) {
    list.push_back({{"step", change.step},
                    {"key", change.key},
                    {"before", change.before},
                    {"now", change.now}});
  }
  return list;
}

nlohmann::json recorded_values(const Config& config) {
  Config copy = config;
  nlohmann::json values = nlohmann::json::object();
  for (const Key& key : keys(config.verb)) {
    if (keeps_meaning(key.name) || key.name == "model") continue;
    values[std::string(key.name)] = value_text(copy, key);
  }
  return values;
}

void require_same_tokenizer(const nlohmann::json& values, const std::string& found,
                            const std::string& model) {
  const std::string before = values.is_object() ? values.value(kRecordedTokenizer, "") : "";
  require(
      before.empty() || before == found,
      "[resume] the tokenizer of {} is not the one that the run began with; put its files back.",
      shown(model));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
