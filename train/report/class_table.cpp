#include "train/report/class_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/text.h"
#include "data/class_metrics.h"

namespace soragrad::train {

namespace {

constexpr size_t kNameWidth = 24;

std::string confusion_text(const data::Task& task, std::span<const int64_t> matrix) {
  const size_t classes = task.labels.size();
  size_t width = 5;
  for (const int64_t count : matrix) width = std::max(width, std::to_string(count).size());
  std::string text = fmt::format("\n{:<{}}  predicted, in the same order\n", "label", kNameWidth);
  for (size_t i = 0; i < classes; ++i) {
    text += fmt::format("{:<{}} ", shown(task.labels[i], kNameWidth), kNameWidth);
    for (size_t j = 0; j < classes; ++j) {
      text += fmt::format(" {:>{}}", matrix[i * classes + j], width);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string class_table(const data::Task& task, std::span<const float> logits,
                        std::span<const data::Example> rows) {
  if (task.regression()) return "";
  const bool has_sets = task.problem_type == data::ProblemType::multi_label_classification;
  const int64_t classes = task.num_labels();
  const std::vector<data::ClassCounts> counts = has_sets
                                                    ? data::count_class_sets(logits, rows, classes)
                                                    : data::count_classes(logits, rows, classes);
  std::string text = fmt::format("{:<{}} {:>9} {:>9} {:>9} {:>9}\n", "class", kNameWidth,
                                 "precision", "recall", "f1", "support");
  for (size_t i = 0; i < counts.size(); ++i) {
    const data::ClassCounts& count = counts[i];
    const auto value = [](double number, bool is_defined) {
      return is_defined ? fmt::format("{:.4f}", number) : std::string("undefined");
    };
    text += fmt::format("{:<{}} {:>9} {:>9} {:>9} {:>9}\n", shown(task.labels[i], kNameWidth),
                        kNameWidth, value(count.precision(), count.predicted > 0),
                        value(count.recall(), count.actual > 0), value(count.f1(), count.occurs()),
                        count.actual);
  }
  if (!has_sets && task.labels.size() <= kMaxConfusionClasses) {
    text += confusion_text(task, data::confusion_matrix(logits, rows, classes));
  }
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
