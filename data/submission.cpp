#include "data/submission.h"

#include <iterator>

#include "core/error.h"
#include "core/file.h"
#include "data/metrics.h"

namespace soragrad::data {

std::string submission_text(const Task& task, std::span<const float> logits,
                            std::span<const Example> rows) {
  require(logits.size() == rows.size() * static_cast<size_t>(task.num_labels()),
          "[submission] {} logits do not fit {} rows of {} labels.", logits.size(), rows.size(),
          task.num_labels());
  std::string text = "index\tprediction\n";
  const auto out = std::back_inserter(text);
  if (task.regression()) {
    for (size_t i = 0; i < rows.size(); ++i) {
      fmt::format_to(out, "{}\t{:.3f}\n", rows[i].index, logits[i]);
    }
    return text;
  }
  const std::vector<int64_t> classes = argmax_rows(logits, task.num_labels());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (task.submits_names) {
      fmt::format_to(out, "{}\t{}\n", rows[i].index, task.labels[classes[i]]);
    } else {
      fmt::format_to(out, "{}\t{}\n", rows[i].index, classes[i]);
    }
  }
  return text;
}

void write_submission(const std::string& path, const Task& task, std::span<const float> logits,
                      std::span<const Example> rows) {
  write_file_atomically(path, submission_text(task, logits, rows));
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
