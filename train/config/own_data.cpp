#include "train/config/own_data.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "core/error.h"
#include "core/text.h"
#include "data/custom/folder.h"

namespace soragrad::train {

namespace {

// {name: weight} from the text of the key, in order.
std::vector<std::pair<std::string, double>> parse_mapping(const std::string& text) {
  std::vector<std::pair<std::string, double>> weights;
  bool is_repeated = false, has_null = false;
  try {
    const YAML::Node node = YAML::Load(text);
    if (node.IsMap()) {
      for (const auto& entry : node) {
        has_null |= entry.first.IsNull();
        const std::string& name = entry.first.Scalar();
        for (const auto& [other, weight] : weights) is_repeated = is_repeated || other == name;
        weights.emplace_back(name, entry.second.as<double>());
      }
    }
  } catch (const YAML::Exception&) {
    weights.clear();
  }
  if (has_null) {
    throw UsageError(
        fmt::format("[class_weights] {} has null for a name; write \"null\" in quotes if a class "
                    "has that name.",
                    quote(text)));
  }
  if (weights.empty()) {
    throw UsageError(fmt::format("[class_weights] {}; expected balanced or {{name: weight, ...}}.",
                                 quote(text)));
  }
  if (is_repeated) {
    throw UsageError(fmt::format("[class_weights] {} has a name twice.", quote(text)));
  }
  return weights;
}

bool is_single_label(const data::Task& task) {
  return task.problem_type == data::ProblemType::single_label_classification;
}

}  // namespace

std::vector<std::string> file_list(std::string_view text) {
  std::vector<std::string> files;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view part = trimmed(text.substr(0, comma));
    if (!part.empty()) files.emplace_back(part);
    text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
  }
  return files;
}

data::CustomKeys custom_keys(const Config& config) {
  data::CustomKeys keys = config.custom;
  keys.ignores_unknown_labels = config.unknown_labels == "ignore";
  keys.train_files = file_list(config.train_file);
  keys.validation_files = file_list(config.validation_file);
  keys.test_files = file_list(config.test_file);
  if (config.data.empty()) return keys;
  const data::CustomFolder folder = data::find_custom_files(config.data);
  if (keys.train_files.empty()) keys.train_files = folder.train;
  // A folder's validation file belongs to the folder's train file.
  const bool own_train = !config.train_file.empty();
  if (keys.validation_files.empty() && !own_train) keys.validation_files = folder.validation;
  if (keys.test_files.empty() && !own_train) keys.test_files = folder.test;
  return keys;
}

std::vector<double> class_weights_of(const Config& config, const data::Task& task,
                                     const std::vector<int64_t>& counts) {
  std::vector<double> weights(task.labels.size(), 1.0);
  if (config.class_weights.empty() || !is_single_label(task)) return weights;
  if (config.class_weights == "balanced") {
    const auto rows =
        static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i] =
          counts[i] == 0
              ? 0
              : rows / (static_cast<double>(weights.size()) * static_cast<double>(counts[i]));
    }
    return weights;
  }
  for (const auto& [name, weight] : parse_mapping(config.class_weights)) {
    const auto found = std::find(task.labels.begin(), task.labels.end(), name);
    size_t number = static_cast<size_t>(found - task.labels.begin());
    // GLUE's files may have numbers where the task has names.
    if (found == task.labels.end() && task.name != kCustomTask && name.size() == 1 &&
        name[0] >= '0' && static_cast<size_t>(name[0] - '0') < task.labels.size()) {
      number = static_cast<size_t>(name[0] - '0');
    }
    if (number >= task.labels.size() || !(weight >= 0) || std::isinf(weight)) {
      fail("[class_weights] {}: {}; the classes are {}, a weight is a number of at least 0.",
           quote(name, 40), weight, shown(data::joined(task.labels), 80));
    }
    weights[number] = weight;
  }
  require(std::ranges::any_of(weights, [](double weight) { return weight > 0; }),
          "[class_weights] all weights are 0, so there is nothing to learn.");
  return weights;
}

std::vector<std::string> unread_loss_keys(const Config& config, const data::Task& task) {
  std::vector<std::string> lines;
  if (is_single_label(task)) return lines;
  const auto add = [&](std::string_view key) {
    lines.push_back(fmt::format("{} has no effect: it acts on single label, and this task is {}",
                                key, data::name_of(task.problem_type)));
  };
  if (!config.class_weights.empty()) add("class_weights");
  if (config.label_smoothing_factor > 0) add("label_smoothing_factor");
  return lines;
}

bool is_settled_by_files(std::string_view key) {
  constexpr std::string_view kSettled[] = {"text_column",  "text_pair_column",
                                           "label_column", "problem_type",
                                           "labels",       "metric_for_best_model"};
  return std::ranges::find(kSettled, key) != std::end(kSettled);
}

bool may_have_found_columns(const Config& config) {
  constexpr std::string_view kColumns[] = {"text_column", "text_pair_column", "label_column"};
  return std::ranges::none_of(kColumns, [&](std::string_view key) {
    return config.is_set(key) && config.origins.find(key)->second == kCommandLine;
  });
}

bool weighs_rows(const Config& config) {
  return !config.class_weights.empty() || !config.custom.weight_column.empty() ||
         config.label_smoothing_factor > 0;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
