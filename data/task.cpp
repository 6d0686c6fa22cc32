#include "data/task.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <deque>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::data {

namespace {

constexpr std::array<std::string_view, 3> kProblemTypes = {
    "single_label_classification", "multi_label_classification", "regression"};
static_assert(kProblemTypes.size() == static_cast<size_t>(ProblemType::regression) + 1);

std::deque<Task>& registered() {  // a deque, so that references stay valid
  static std::deque<Task> tasks;
  return tasks;
}

const Task* find(std::string_view name) {
  for (const Task* task : all_tasks()) {
    if (task->name == name) return task;
  }
  return nullptr;
}

void require_usable(bool usable, const Task& task, const char* reason) {
  if (!usable) {
    throw UsageError(fmt::format("[task] \"{}\" cannot be registered: {}.", task.name, reason));
  }
}

}  // namespace

std::vector<ReportedMetric> Task::reported_metrics() const {
  if (!reported.empty() || metrics.empty()) return reported;
  return {{"", metrics.front()}};
}

const Task& register_task(Task task) {
  require_usable(!task.name.empty(), task, "it has no name");
  require_usable(find(task.name) == nullptr, task, "the name is taken");
  require_usable(!task.text_a_names.empty(), task, "text_a_names names no column");
  require_usable(std::ranges::find(task.metrics, task.selection_metric) != task.metrics.end(), task,
                 "selection_metric is none of its metrics");
  require_usable(task.regression() || task.labels.size() > 1, task,
                 "a classification needs two labels or more");
  return registered().emplace_back(std::move(task));
}

std::vector<const Task*> all_tasks() {
  std::vector<const Task*> tasks;
  for (const Task& task : glue_tasks()) tasks.push_back(&task);
  for (const Task& task : registered()) tasks.push_back(&task);
  return tasks;
}

const Task& find_task(std::string_view name) {
  if (const Task* task = find(name)) return *task;
  std::string names;
  for (const Task* task : all_tasks())
    names += fmt::format("{}{}", names.empty() ? "" : " ", task->name);
  throw UsageError(fmt::format("[task] unknown task {}; known are {}.", name, names));
}

std::string joined(std::span<const std::string> names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string_view name_of(ProblemType type) {
  return kProblemTypes[static_cast<size_t>(type)];
}

ProblemType problem_type_named(std::string_view name) {
  for (size_t i = 0; i < std::size(kProblemTypes); ++i) {
    if (name == kProblemTypes[i]) return static_cast<ProblemType>(i);
  }
  throw UsageError(
      fmt::format("[problem_type] {}; known are {}.", quote(name), fmt::join(kProblemTypes, ", ")));
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
