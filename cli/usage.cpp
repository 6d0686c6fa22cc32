#include "cli/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "train/config/config.h"
#include "train/config/other_names.h"
#include "train/config/suggest.h"

namespace soragrad::cli {

namespace {

// Options whose name is not that of the key.
constexpr std::pair<std::string_view, std::string_view> kOptionsOfKeys[] = {
    {"max_seq_length", "--max-length"},
    {"per_device_eval_batch_size", "--batch-size"},
    {"per_device_train_batch_size", "--batch-size"},
    {"test_file", "--input"},
    {"validation_file", "--input"},
    {"initial_state", "--adapter"},
};

// The key that a word means: ours, or the one for another program's name; empty if there is none.
std::string_view key_meant(std::string_view word) {
  std::string name(word);
  std::replace(name.begin(), name.end(), '-', '_');
  if (const train::Key* key = train::find_key(name)) return key->name;
  return train::key_of_other_name(name);
}

// The verb's option for a key, "" if it has none.
std::string option_of(const CLI::App& verb, std::string_view key) {
  for (const auto& [name, option] : kOptionsOfKeys) {
    if (name == key && verb.get_option_no_throw(std::string(option))) return std::string(option);
  }
  std::string option = "--" + std::string(key);
  std::replace(option.begin(), option.end(), '_', '-');
  return verb.get_option_no_throw(option) ? option : "";
}

bool takes_keys(const CLI::App& verb) {
  return verb.get_option_no_throw("KEYS") != nullptr;
}

// Verbs with options of their own beside keys of own data.
bool takes_own_keys(const CLI::App& verb) {
  return verb.get_option_no_throw(kOwnKeys) != nullptr;
}

// The value to show beside a suggestion: the one that was written, or a placeholder.
std::string value_of(std::string_view word, const char* next) {
  const size_t equals = word.find('=');
  if (equals != word.npos) return shown(word.substr(equals + 1), 60);
  return next && next[0] != '-' ? shown(next, 60) : "VALUE";
}

// Advice on one word that the verb does not know; empty if there is none.
std::string advice_on(const CLI::App& verb, std::string_view word, const char* next) {
  const bool is_option = word.starts_with("--");
  const std::string_view name =
      word.substr(is_option ? 2 : 0, word.find('=') - (is_option ? 2 : 0));
  if (!is_option && (takes_keys(verb) || word.find('=') == word.npos)) return "";
  if (is_option && verb.get_option_no_throw("--" + std::string(name))) return "";
  const std::string_view key = key_meant(name);
  if (key.empty()) return train::advice_on_other_name(name);
  const std::string value = value_of(word, next);
  if (takes_keys(verb)) return fmt::format("write {}={}", key, value);
  const std::string option = option_of(verb, key);
  if (!option.empty()) return fmt::format("write {} {}", option, value);
  return is_option && takes_own_keys(verb) ? fmt::format("write {}={}", key, value) : "";
}

const CLI::App* verb_of(const CLI::App& app, int argc, char** argv) {
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (argc > 1 && verb->get_name() == argv[1]) return verb;
  }
  return nullptr;
}

bool is_value(const CLI::App& verb, std::string_view before) {
  if (!before.starts_with("--") || before.find('=') != before.npos) return false;
  const CLI::Option* option = verb.get_option_no_throw(std::string(before));
  return option && option->get_expected_max() > 0;
}

}  // namespace

bool has_option_for(const CLI::App& verb, std::string_view word) {
  const std::string_view key = key_meant(word.substr(0, word.find('=')));
  return !key.empty() && key != "data" && !option_of(verb, key).empty();
}

void check_verb(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-' || verb_of(app, argc, argv)) return;
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = train::nearest(argv[1], views);
  throw UsageError(fmt::format(
      "[usage] there is no verb {}; {}", quote(argv[1]),
      near.empty() ? "`soragrad --help` lists them." : fmt::format("did you mean `{}`?", near)));
}

std::string usage_text(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App* verb = verb_of(app, argc, argv);
  for (int i = 2; verb && i < argc; ++i) {
    if (is_value(*verb, argv[i - 1])) continue;
    const std::string advice = advice_on(*verb, argv[i], i + 1 < argc ? argv[i + 1] : nullptr);
    if (advice.empty()) continue;
    return fmt::format("[usage] {} does not take {}: {}{}", verb->get_name(), quote(argv[i], 60),
                       advice, advice.ends_with('?') ? "" : ".");
  }
  std::string text = shown(error.what(), 200);
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return fmt::format("[usage] {}; see `soragrad{} --help`.", text,
                     verb ? " " + verb->get_name() : "");
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
