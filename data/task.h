// A task is one row of a table: its columns, labels, problem type, metrics, files and the form of a
// submission. GLUE fills nine rows and its diagnostic set a tenth (data/glue_tasks.cpp); a program
// adds rows of its own with register_task(). Everything else about a task is derived from its row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data {

// Hugging Face's names, as the key `problem_type` and config.json spell them.
enum class ProblemType { single_label_classification, multi_label_classification, regression };

// The columns of one form of a task's files, counted from 0; -1: the form has no such column.
struct FileColumns {
  size_t width = 0;  // columns of a whole row
  int text_a = -1;
  int text_b = -1;
  int label = -1;
  int index = -1;
};

// A number that a results table shows: a metric of a split whose name ends in `ending`.
struct ReportedMetric {
  std::string ending;  // "", or "_mm" for MNLI's mismatched half
  std::string metric;
};

struct Task {
  std::string name;    // as the key `task` spells it
  std::string folder;  // below the data root; the root itself if it is missing there
  std::vector<std::string> other_folders;  // as other copies name it

  // Header names, the task's own first, then those of other copies. No text_b_names: one sentence.
  std::vector<std::string> text_a_names;
  std::vector<std::string> text_b_names;
  std::vector<std::string> label_columns;
  // Where the columns are if the header does not name them: in labelled files and in test files.
  FileColumns labelled;
  FileColumns unlabelled;
  bool labelled_header = true;  // false: labelled files begin with a row (CoLA)

  ProblemType problem_type = ProblemType::single_label_classification;
  std::vector<std::string> labels;  // in class order; empty for regression
  std::vector<std::string> metrics;
  int64_t positive_class = 1;  // of two, for f1 and roc_auc
  // Picks the best checkpoint (larger is better), and what it is under protocol adalora if another.
  std::string selection_metric;
  std::string adalora_selection_metric;
  std::vector<ReportedMetric> reported;  // what tables show; empty: the first metric
  bool submits_names = false;            // a submission holds label names, not class numbers
  // Protocol paper takes validation rows from train and tests on dev; false: it halves dev.
  bool large = false;

  // File names below the folder; the first that exists counts. *_mm: MNLI's mismatched half.
  std::vector<std::string> train_files;
  std::vector<std::string> validation_files;
  std::vector<std::string> validation_mm_files;
  std::vector<std::string> test_files;
  std::vector<std::string> test_mm_files;

  bool has_pair() const { return !text_b_names.empty(); }
  bool regression() const { return problem_type == ProblemType::regression; }
  bool trainable() const { return !train_files.empty(); }
  // Outputs of a model for this task: 1 for regression.
  int64_t num_labels() const { return regression() ? 1 : static_cast<int64_t>(labels.size()); }
  // `reported`, or the first metric of the main split if that is empty.
  std::vector<ReportedMetric> reported_metrics() const;
};

// GLUE's tasks in its order: cola sst2 mrpc stsb qqp mnli qnli rte wnli ax.
std::span<const Task> glue_tasks();

// Adds a task under its own name; the result lives until the program ends. Call it before other
// threads look tasks up. Throws UsageError if the name is empty or taken, if there are no
// text_a_names or metrics, if selection_metric is none of the metrics, or if a classification has
// fewer than two labels.
const Task& register_task(Task task);

// GLUE's tasks, then registered ones.
std::vector<const Task*> all_tasks();

// The task of that name. Throws a UsageError that lists the known names.
const Task& find_task(std::string_view name);

// "a, b, c".
std::string joined(std::span<const std::string> names);

// "single_label_classification" and so on.
std::string_view name_of(ProblemType type);
// The type of that name. Throws a UsageError for an unknown one.
ProblemType problem_type_named(std::string_view name);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
