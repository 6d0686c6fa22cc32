#include "train/config/config.h"

#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/task.h"
#include "train/config/misuse.h"
#include "train/config/other_names.h"
#include "train/config/own_data.h"
#include "train/config/protocol.h"
#include "train/config/suggest.h"

namespace soragrad::train {

namespace {

// What to write instead of a name that is no key, without a full stop.
std::string advice_on(std::string_view name, Verb verb) {
  if (verb == Verb::train || find_key(key_of_other_name(name), verb)) {
    if (std::string advice = advice_on_other_name(name); !advice.empty()) return advice;
  }
  std::vector<std::string_view> names;
  for (const Key& key : keys(verb)) names.push_back(key.name);
  const std::string_view near = nearest(name, names);
  const std::string_view verb_name = verb == Verb::train ? "train" : "pretrain";
  return near.empty() ? fmt::format("`soragrad {} --help` lists all", verb_name)
                      : fmt::format("did you mean `{}`?", near);
}

template <typename T>
std::optional<T> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  return value;
}

std::optional<bool> truth(std::string_view text) {
  const std::string lower = ascii_lower(text);
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return true;
  if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return false;
  return std::nullopt;
}

// Where a regular expression between slashes ends that the text begins with; 0 if it does not.
// Commas belong to it.
size_t regex_end(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == text.npos || text[begin] != '/') return 0;
  for (size_t at = text.find('/', begin + 1); at != text.npos; at = text.find('/', at + 1)) {
    const std::string_view after = trimmed(text.substr(at + 1));
    if (after.empty() || after.starts_with(',')) return at;
  }
  return 0;
}

// Where a name in quotes ends that the text begins with; 0 if it does not. Commas belong to it.
size_t quoted_end(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == text.npos || (text[begin] != '"' && text[begin] != '\'')) return 0;
  const char mark = text[begin];
  for (size_t at = begin + 1; at < text.size(); ++at) {
    const bool is_doubled = mark == '\'' && text.substr(at).starts_with("''");
    if (is_doubled || (mark == '"' && text[at] == '\\')) {
      ++at;  // the quote that is text
    } else if (text[at] == mark) {
      const std::string_view after = trimmed(text.substr(at + 1));
      return after.empty() || after.starts_with(',') ? at : 0;
    }
  }
  return 0;
}

// A name in quotes, as YAML, JSON and Python write it; what is not in their form loses its first
// and last quote.
std::string unquoted(std::string_view name) {
  try {
    const YAML::Node node = YAML::Load(std::string(name));
    if (node.IsScalar() && quoted_end(name) > 0) return node.Scalar();
  } catch (const YAML::Exception&) {  // an unknown escape
  }
  return std::string(name.substr(1, name.size() - 2));
}

std::vector<std::string> names(std::string_view text) {
  if (text.starts_with(kNameMark)) {
    std::vector<std::string> marked;
    while (!text.empty()) {
      text.remove_prefix(1);
      const size_t end = std::min(text.find(kNameMark), text.size());
      marked.emplace_back(text.substr(0, end));
      text.remove_prefix(end);
    }
    return marked;
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = text.find(',', std::max(regex_end(text), quoted_end(text)));
    const std::string_view part = trimmed(text.substr(0, comma));
    const bool is_quoted =
        part.size() >= 2 && (part[0] == '"' || part[0] == '\'') && part.back() == part[0];
    std::string name = is_quoted ? unquoted(part) : std::string(part);
    if (!name.empty()) parts.push_back(std::move(name));
    text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

// Reads `text` into a field; false where it is no such value.
struct Reader {
  const Key& key;
  std::string_view text;

  template <typename T>
  bool ranged(T& target) const {
    const std::optional<T> value = number<T>(text);
    if (!value) return false;
    if (!key.range.contains(static_cast<double>(*value))) return false;
    target = *value;
    return true;
  }
  bool operator()(std::string* field) const {
    const std::string choices = choices_of(key);
    if (!choices.empty() && !is_choice(choices, text)) return false;
    *field = text;
    return true;
  }
  bool operator()(bool* field) const {
    const std::optional<bool> value = truth(text);
    if (value) *field = *value;
    return value.has_value();
  }
  bool operator()(int64_t* field) const { return ranged(*field); }
  bool operator()(double* field) const { return ranged(*field); }
  bool operator()(std::vector<std::string>* field) const {
    *field = names(text);
    return !field->empty();
  }
  template <typename T>
  bool operator()(std::optional<T>* field) const {
    T value{};
    if (!(*this)(&value)) return false;
    *field = value;
    return true;
  }
};

// Empties a field that may be unset by this word; false for one that may not. A required one may be
// left open by `auto` alone: a folder may have any other name.
bool clear(const Key& key, std::string_view word, Field field) {
  return std::visit(
      [&](auto* pointer) {
        using T = std::remove_pointer_t<decltype(pointer)>;
        if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double>) {
          return false;
        } else if constexpr (std::is_same_v<T, int64_t>) {
          if (key.unset.empty()) return false;
          *pointer = 0;
          return true;
        } else {
          if (key.unset.empty() || (key.unset.starts_with("required") && word != "auto"))
            return false;
          *pointer = T{};
          return true;
        }
      },
      field);
}

void complete_output(Config& config) {
  if (config.output.empty()) {
    config.output = fmt::format("runs/{}-{}-{}", config.task, config.method.method, config.seed);
  }
}

// What own data settles later, with its files: metric_for_best_model hangs on its labels.
void complete_for_custom(Config& config) {
  complete_output(config);
  if (config.protocol != "glue") {
    misuse("[protocol] {} is for GLUE's tasks; own data has glue alone.", config.protocol);
  }
  const data::CustomKeys& keys = config.custom;
  if (keys.k_folds == 1) misuse("[k_folds] 1; there are 2 folds at least.");
  if (keys.k_folds == 0 && keys.fold > 0) misuse("[fold] {} needs k_folds=N.", keys.fold);
  if (keys.k_folds > 0 && keys.fold >= keys.k_folds) {
    misuse("[fold] {} with k_folds={}; folds count from 0 to {}.", keys.fold, keys.k_folds,
           keys.k_folds - 1);
  }
}

// What follows from the task: output and metric_for_best_model.
void complete_for_task(Config& config, const data::Task& task) {
  complete_output(config);
  if (config.metric_for_best_model.empty()) {
    config.metric_for_best_model =
        data::selection_metric(task, data::parse_protocol(config.protocol));
  }
  const std::string& metric = config.metric_for_best_model;
  if (metric != "loss" && std::ranges::find(task.metrics, metric) == task.metrics.end()) {
    misuse("[metric_for_best_model] is {}; {} has {} and loss.", quote(metric), config.task,
           data::joined(task.metrics));
  }
}

}  // namespace

void set(Config& config, std::string_view name, std::string_view value, const std::string& origin) {
  const Key* key = find_key(name, config.verb);
  if (!key) {
    const std::string advice = advice_on(name, config.verb);
    misuse("[{}] there is no key {}; {}{}", origin, quote(name), advice,
           advice.ends_with('?') ? "" : ".");
  }
  if (key->name != "label_separator") value = trimmed(value);  // which may be a blank
  const Field field = key->field(config);
  const bool cleared = (value == "auto" || value == "null" || value == "~" || value.empty()) &&
                       clear(*key, value, field);
  if (!cleared && (value.empty() || !std::visit(Reader{*key, value}, field))) {
    const std::string_view expects = key->range.expects;
    const std::string expected = !key->choices.empty() ? "one of " + listed(choices_of(*key))
                                 : expects.empty()     ? "a value"
                                                       : std::string(expects);
    misuse("[{}] {} is {}; expected {}.", origin, key->name, quote(value), expected);
  }
  if (cleared) {
    config.origins.erase(std::string(name));
  } else {
    config.origins[std::string(name)] = origin;
  }
}

void set_argument(Config& config, const std::string& argument) {
  const size_t equals = argument.find('=');
  if (equals == argument.npos || equals == 0) {
    misuse("[command line] the argument {} is not of the form key=value.", quote(argument));
  }
  std::string_view key = std::string_view(argument).substr(0, equals);
  set(config, key, std::string_view(argument).substr(equals + 1), std::string(kCommandLine));
}

void resolve(Config& config) {
  for (const std::string_view name : {"model", "task", "data"}) {
    const bool needs_no_folder = is_custom(config) && !config.train_file.empty();
    if (name == "data" && needs_no_folder) continue;
    if (std::get<std::string*>(find_key(name)->field(config))->empty()) {
      const char* other = name == "data" && is_custom(config) ? " or train_file=FILE" : "";
      misuse("[{}] is not given; add {}=...{} or put it into the YAML file.", name, name, other);
    }
  }
  complete(config);
}

void complete(Config& config) {
  const data::Protocol protocol = data::parse_protocol(config.protocol);
  sora::MethodConfig& method = config.method;
  if (config.max_steps == 0) {
    misuse("[max_steps] is 0; expected {}.", find_key("max_steps")->range.expects);
  }
  if (!config.train_head) config.train_head = rules_of(protocol).train_head;
  method.train_head = *config.train_head;
  if (!method.sparse_lr) method.sparse_lr = config.learning_rate;
  if (!method.xi) method.xi = sora::default_xi(method.proximal);
  if (is_custom(config)) {
    complete_for_custom(config);
  } else if (!config.task.empty()) {
    complete_for_task(config, data::find_task(config.task));
  }
  if (config.schedule != "none") {
    if (method.method != "sora") {
      misuse("[schedule] {} needs method=sora, not {}.", config.schedule, method.method);
    }
    if (!config.xi_max || !config.xi_steps) {
      misuse("[schedule] {} needs xi_max and xi_steps.", config.schedule);
    }
    if (*config.xi_max < *method.xi) {
      misuse("[xi_max] {} is below xi {}; thresholds rise from xi to xi_max.", *config.xi_max,
             *method.xi);
    }
    if (config.schedule == "exp_linear" && *method.xi <= 0) {
      misuse("[schedule] exp_linear takes the logarithm of xi; xi is {}, give one above 0.",
             *method.xi);
    }
  }
  if (method.method == "adalora" && method.target_r > method.init_r) {
    misuse("[target_r] {} is above init_r {}; adalora only lowers ranks.", method.target_r,
           method.init_r);
  }
}

void make_absolute(Config& config) {
  const auto absolute = [](const std::string& path) {
    return std::filesystem::absolute(path).lexically_normal().string();
  };
  const auto each_absolute = [&](const std::string& files) {
    std::vector<std::string> paths = file_list(files);
    std::ranges::transform(paths, paths.begin(), absolute);
    return fmt::format("{}", fmt::join(paths, ","));
  };
  std::vector<std::string*> paths = {&config.model, &config.data, &config.initial_state,
                                     &config.output, &config.pretrain.batches};
  std::vector<std::string*> lists = {&config.pretrain.corpus, &config.pretrain.validation_corpus};
  for (std::string* file : {&config.train_file, &config.validation_file, &config.test_file}) {
    (is_custom(config) ? lists : paths).push_back(file);
  }
  for (std::string* path : paths) {
    if (!path->empty()) *path = absolute(*path);
  }
  for (std::string* list : lists) *list = each_absolute(*list);
}

bool keeps_meaning(std::string_view key) {
  constexpr std::string_view kFree[] = {"output",           "overwrite",
                                        "device",           "threads",
                                        "cuda_graphs",      "save_steps",
                                        "save_total_limit", "logging_steps",
                                        "max_seconds",      "per_device_eval_batch_size"};
  return std::ranges::find(kFree, key) != std::end(kFree);
}

namespace {

// The other key's setting that leaves this key unread, if it is set; empty: none.
std::string ignores(const Config& config, std::string_view key) {
  if (config.verb == Verb::pretrain) {
    const bool is_generators = key == "sharing" || key == "generator_layers" || key == "rtd_lambda";
    if (is_generators && config.pretrain.objective == "mlm") return "objective=mlm";
    const bool validates = !config.pretrain.validation_corpus.empty();
    return key == "eval_steps" && !validates ? "no validation_corpus" : "";
  }
  if (key == "xi_max" && config.xi_steps == 1) return "xi_steps=1";
  if (!is_custom(config)) return "";
  const bool folds = config.custom.k_folds > 0;
  if (key == "validation_file" && folds) {
    return fmt::format("k_folds={}", config.custom.k_folds);
  }
  if (key != "validation_split") return "";
  if (folds) return fmt::format("k_folds={}", config.custom.k_folds);
  return config.validation_file.empty() ? "" : "validation_file=" + config.validation_file;
}

}  // namespace

std::vector<std::string> unread_keys(const Config& config) {
  constexpr std::string_view kScheduleKeys[] = {"xi_max", "xi_steps", "phase_epochs", "restart_lr"};
  std::vector<std::string> lines;
  Config set = config, blank;
  blank.verb = config.verb;
  for (const Key& key : keys(config.verb)) {
    if (!config.is_set(key.name)) continue;
    if (value_text(set, key) == value_text(blank, key)) continue;  // config.yaml has all keys
    std::string ignoring;  // the setting that leaves this key unread
    if (!key.methods.empty() && !is_choice(key.methods, config.method.method)) {
      ignoring = "method=" + config.method.method;
    } else if (key.group == kOwnDataGroup && !is_custom(config)) {
      ignoring = "task=" + config.task;
    } else if (std::ranges::find(kScheduleKeys, key.name) != std::end(kScheduleKeys) &&
               config.schedule == "none") {
      ignoring = "schedule=none";
    } else {
      ignoring = ignores(config, key.name);
    }
    if (ignoring.empty()) continue;
    lines.push_back(fmt::format("{} has no effect with {} (set by {})", key.name, ignoring,
                                config.origins.find(key.name)->second));
  }
  return lines;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
