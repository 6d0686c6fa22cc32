// What GLUE says about each of its tasks, in one table: folder and files, columns, labels, metrics
// and the form of a submission. Sources: the Hugging Face GLUE loader and run_glue.py.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace soragrad::data {

// The columns of one form of a task's files, counted from 0; -1 where there is none.
struct GlueColumns {
  size_t width = 0;  // of a whole row
  int text_a = -1;
  int text_b = -1;
  int label = -1;
  int index = -1;
};

struct GlueTask {
  std::string_view name;    // "cola", as the key `task` spells it
  std::string_view folder;  // "CoLA", below the GLUE root
  // Header names, GLUE's own first, then those of other copies; text_b is empty for one sentence.
  std::span<const std::string_view> text_a_names;
  std::span<const std::string_view> text_b_names;
  std::span<const std::string_view> label_columns;
  // Where the columns are in a file whose header does not say: train and dev, and test.
  GlueColumns labelled;
  GlueColumns unlabelled;
  bool labelled_header;  // false: CoLA, whose train and dev files begin with a row
  // Names in label order; empty for regression. Files hold the names or the numbers 0, 1, ...
  std::span<const std::string_view> label_names;
  std::span<const std::string_view> metrics;
  std::string_view selection_metric;  // picks the best checkpoint; larger is better
  bool submits_names;                 // a submission holds label names, not numbers
  // File names below the folder, the first that exists counts; *_mm is MNLI's mismatched half.
  std::span<const std::string_view> train_files;
  std::span<const std::string_view> validation_files;
  std::span<const std::string_view> validation_mm_files;
  std::span<const std::string_view> test_files;
  std::span<const std::string_view> test_mm_files;

  bool has_pair() const { return !text_b_names.empty(); }
  bool regression() const { return label_names.empty(); }
  int64_t num_labels() const { return regression() ? 1 : static_cast<int64_t>(label_names.size()); }
};

// All tasks in GLUE's order: cola sst2 mrpc stsb qqp mnli qnli rte wnli ax.
std::span<const GlueTask> glue_tasks();

// The task of that name; an unknown one is a UsageError that lists them.
const GlueTask& find_glue_task(std::string_view name);

// "a, b, c".
std::string joined(std::span<const std::string_view> names);

}  // namespace soragrad::data
