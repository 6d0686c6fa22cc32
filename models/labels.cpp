#include "models/labels.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::models {
namespace {

// A name in lower case, as it is, and its place.
struct Place {
  std::string key, name;
  int64_t number;

  auto operator<=>(const Place&) const = default;
};

// Names that differ in case alone are sorted as they are.
std::vector<Place> sorted(std::span<const std::string> names) {
  std::vector<Place> result;
  for (const std::string& name : names) {
    result.push_back({ascii_lower(name), name, static_cast<int64_t>(result.size())});
  }
  std::ranges::sort(result);
  return result;
}

}  // namespace

ClassMap::ClassMap(int64_t classes) : to_model_(static_cast<size_t>(classes)) {
  std::iota(to_model_.begin(), to_model_.end(), 0);
}

ClassMap::ClassMap(std::vector<int64_t> to_model) : to_model_(std::move(to_model)) {
  std::vector<int64_t> sorted = to_model_;
  std::ranges::sort(sorted);
  for (size_t i = 0; i < sorted.size(); ++i) {
    require(sorted[i] == static_cast<int64_t>(i), "[classes] {} are no permutation of 0 to {}.",
            fmt::join(to_model_, ", "), sorted.size() - 1);
  }
}

int64_t ClassMap::operator[](int64_t task_class) const {
  require(task_class >= 0 && task_class < size(), "[classes] there is no class {} of {}.",
          task_class, size());
  return to_model_[static_cast<size_t>(task_class)];
}

void ClassMap::reorder(std::span<float> logits) const {
  const size_t classes = to_model_.size();
  std::vector<float> row(classes);
  for (size_t begin = 0; begin + classes <= logits.size(); begin += classes) {
    for (size_t i = 0; i < classes; ++i) {
      row[i] = logits[begin + static_cast<size_t>(to_model_[i])];
    }
    std::ranges::copy(row, logits.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

bool are_named(std::span<const std::string> names) {
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string number = std::to_string(i);
    const std::string name = ascii_lower(names[i]);
    if (!name.empty() && name != number && name != "label_" + number) return true;
  }
  return false;
}

std::optional<ClassMap> find_classes(std::span<const std::string> model_names,
                                     std::span<const std::string> task_names) {
  const auto classes = static_cast<int64_t>(task_names.size());
  if (!model_names.empty() && model_names.size() != task_names.size()) return std::nullopt;
  if (!are_named(model_names)) return ClassMap(classes);
  const auto model = sorted(model_names), task = sorted(task_names);
  std::vector<int64_t> to_model(task.size());
  for (size_t i = 0; i < task.size(); ++i) {
    if (task[i].key != model[i].key) return std::nullopt;
    to_model[static_cast<size_t>(task[i].number)] = model[i].number;
  }
  return ClassMap(std::move(to_model));
}

ClassMap class_map(std::span<const std::string> model_names,
                   std::span<const std::string> task_names) {
  std::optional<ClassMap> found = find_classes(model_names, task_names);
  require(found.has_value(),
          "[classes] the model's classes are {}; the task's are {}. Take a model of this task.",
          shown_names(model_names), shown_names(task_names));
  return *std::move(found);
}

std::string shown_names(std::span<const std::string> names) {
  constexpr size_t kMost = 6, kLongest = 24;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    const std::string name = shown(names[i].substr(0, kLongest));
    text += (i > 0 ? ", " : "") + name + (names[i].size() > kLongest ? "..." : "");
  }
  if (names.size() > kMost) text += fmt::format(", ... ({} classes)", names.size());
  return text;
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
