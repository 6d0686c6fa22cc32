// The table of tasks, and rows that a program adds.
#include "data/task.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "data/glue_file.h"
#include "data/metrics.h"
#include "data/submission.h"
#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

// A task that GLUE does not have: three classes and one sentence.
Task mood() {
  return {.name = "mood",
          .text_a_names = {"text"},
          .label_columns = {"mood"},
          .labels = {"sad", "calm", "glad"},
          .metrics = {"accuracy", "matthews_correlation"},
          .selection_metric = "accuracy",
          .submits_names = true,
          .train_files = {"train.tsv"},
          .validation_files = {"dev.tsv"}};
}

// Registered once for all cases: names live as long as the program.
const Task& registered_mood() {
  static const Task* const task = &register_task(mood());
  return *task;
}

}  // namespace

TEST_CASE("task: every row of GLUE has what its problem type needs") {
  for (const Task& task : glue_tasks()) {
    CAPTURE(task.name);
    CHECK(task.regression() == task.labels.empty());
    CHECK(task.num_labels() == (task.regression() ? 1 : static_cast<int64_t>(task.labels.size())));
    CHECK((task.labelled.text_b >= 0) == task.has_pair());
    CHECK(task.unlabelled.index >= 0);
    CHECK_FALSE(task.reported_metrics().empty());
  }
  CHECK(glue_tasks().size() == 10);
  CHECK_FALSE(find_task("ax").trainable());
}

TEST_CASE("task: a registered task is found, read, scored and submitted like GLUE's") {
  const Task& task = registered_mood();
  CHECK(&find_task("mood") == &task);
  CHECK(all_tasks().back() == &task);
  const TemporaryFolder folder;
  const std::string path =
      folder.write("train.tsv", "mood\ttext\nglad\tsun\n0\train\ncalm\tsnow\n");
  const Dataset dataset = load_glue_file(task, path);
  REQUIRE(dataset.size() == 3);
  CHECK(dataset.rows[0].label == 2);
  CHECK(dataset.rows[1].label == 0);
  CHECK(dataset.rows[1].text_a == "rain");
  const std::vector<float> logits{0, 0, 1, 1, 0, 0, 0, 0, 1};
  CHECK(compute_metrics(task, logits, dataset.rows)[0].second == doctest::Approx(2.0 / 3));
  CHECK(submission_text(task, logits, dataset.rows) ==
        "index\tprediction\n0\tglad\n1\tsad\n2\tglad\n");
}

TEST_CASE("task: a row that cannot work is refused with its name") {
  registered_mood();
  CHECK(message_of([] { register_task(mood()); }) ==
        "[task] \"mood\" cannot be registered: the name is taken.");
  Task task = mood();
  task.name = "rte";
  CHECK(message_of([&] { register_task(task); }).ends_with("the name is taken."));
  task.name = "weather";
  task.selection_metric = "f1";
  CHECK(message_of([&] { register_task(task); }).ends_with("is none of its metrics."));
  task.selection_metric = "accuracy";
  task.labels = {"one"};
  CHECK(message_of([&] { register_task(task); }).ends_with("needs two labels or more."));
  CHECK_THROWS_AS(find_task("weather"), UsageError);
}

// SPDX-License-Identifier: Apache-2.0
