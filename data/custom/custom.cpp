#include "data/custom/custom.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/custom/encode.h"
#include "data/custom/split.h"

namespace soragrad::data {
namespace {

CustomFiles read_files(const std::vector<std::string>& paths, const CustomKeys& keys,
                       CustomUse use) {
  CustomFiles files;
  for (const std::string& path : paths) files.push_back(read_custom_file(path, keys, use));
  return files;
}

// Examples of all files; each file's cells go as soon as they are not needed any more.
CustomPart encode(CustomFiles files, const Task& task, const CustomKeys& keys, CustomUse use) {
  CustomPart part;
  part.rows.task = &task;
  const CustomEncoder encoder(task, keys, use);
  for (auto& file : files) {
    encoder.add(*file, part);
    file.reset();
  }
  const std::vector<Example>& rows = part.rows.rows;
  require(
      rows.empty() || std::ranges::any_of(rows, [](const Example& row) { return row.weight > 0; }),
      "[{}] every row has the weight 0, so there is nothing to learn; correct the weights or "
      "leave weight_column out.",
      shown(part.rows.path));
  return part;
}

// A number for each row that is equal for rows of one class, of one set of classes, or, in
// regression, of one tenth of the scores.
std::vector<int32_t> strata_of(const CustomPart& part) {
  const std::vector<Example>& rows = part.rows.rows;
  std::vector<int32_t> strata(rows.size());
  switch (part.rows.task->problem_type) {
    case ProblemType::single_label_classification:
      for (size_t i = 0; i < rows.size(); ++i) strata[i] = static_cast<int32_t>(rows[i].label);
      break;
    case ProblemType::multi_label_classification: {
      std::map<std::vector<int32_t>, int32_t> sets;
      for (size_t i = 0; i < rows.size(); ++i) {
        strata[i] = sets.emplace(rows[i].classes, static_cast<int32_t>(sets.size())).first->second;
      }
      break;
    }
    case ProblemType::regression: {
      constexpr size_t kTenths = 10;
      std::vector<size_t> order(rows.size());
      std::iota(order.begin(), order.end(), size_t{0});
      // As 32-bit numbers: a run that was split so resumes with the same rows.
      std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return static_cast<float>(rows[a].score) < static_cast<float>(rows[b].score);
      });
      for (size_t i = 0; i < order.size(); ++i) {
        strata[order[i]] = static_cast<int32_t>(i * kTenths / order.size());
      }
      break;
    }
  }
  return strata;
}

// Moves these rows of train, in increasing order, to validation.
void split_off(CustomData& data, std::span<const int64_t> validating) {
  CustomPart &train = data.train, &validation = data.validation;
  validation.rows.task = train.rows.task;
  validation.rows.path = train.rows.path;
  validation.rows.labelled = true;
  std::vector<Example> kept;
  std::vector<RowOrigin> kept_origins;
  auto next = validating.begin();
  for (size_t i = 0; i < train.rows.rows.size(); ++i) {
    const bool validates = next != validating.end() && *next == static_cast<int64_t>(i);
    if (validates) ++next;
    (validates ? validation.rows.rows : kept).push_back(std::move(train.rows.rows[i]));
    (validates ? validation.origins : kept_origins).push_back(train.origins[i]);
  }
  train.rows.rows = std::move(kept);
  train.origins = std::move(kept_origins);
  require(!train.rows.rows.empty(), "[{}] no row is left to train on; lower validation_split.",
          train.rows.path);
}

void add_validation(CustomData& data, const CustomKeys& keys) {
  const auto seed = static_cast<uint64_t>(keys.split_seed);
  if (keys.k_folds > 0) {
    data.split = CustomData::SplitKind::fold;
    split_off(data, stratified_fold(strata_of(data.train), keys.k_folds, keys.fold, seed));
  } else if (!keys.validation_files.empty()) {
    data.split = CustomData::SplitKind::file;
    data.validation = encode(read_files(keys.validation_files, keys, CustomUse::validation),
                             *data.task, keys, CustomUse::validation);
  } else {
    data.split = CustomData::SplitKind::share;
    split_off(data, stratified_split(strata_of(data.train), keys.validation_split, seed));
  }
}

std::vector<int64_t> count_labels(const Task& task, std::span<const Example> rows) {
  std::vector<int64_t> counts(task.labels.size());
  for (const Example& row : rows) {
    if (row.label >= 0) ++counts[static_cast<size_t>(row.label)];
    for (const int32_t number : row.classes) ++counts[static_cast<size_t>(number)];
  }
  return counts;
}

void add_file_warnings(CustomData& data) {
  CustomWarning empty{"empty_label"}, unknown{"unknown_label"}, invalid{"invalid_utf8"};
  const auto add = [](CustomWarning& warning, int64_t count, const std::string& where) {
    if (count > 0 && warning.count == 0) warning.example = where;
    warning.count += count;
  };
  for (const CustomPart* part : {&data.train, &data.validation, &data.test}) {
    for (const CustomFileInfo& file : part->files) {
      add(empty, file.empty_labels, file.first_empty);
      add(unknown, file.unknown_labels, file.first_unknown);
      add(invalid, file.invalid_utf8, file.path);
    }
  }
  for (CustomWarning* warning : {&empty, &unknown, &invalid}) {
    if (warning->count > 0) data.warnings.push_back(std::move(*warning));
  }
}

void describe_columns(CustomData& data, const CustomFiles& train) {
  std::set<std::string> seen;
  for (const auto& file : train) {
    for (const std::string& name : file->table->columns()) {
      if (seen.insert(name).second) data.columns.push_back(name);
    }
  }
  const CustomFile& first = *train.at(0);
  data.text_column = first.name_of(first.columns.text);
  data.pair_column = first.name_of(first.columns.pair);
  data.label_column = first.name_of(first.columns.label);
}

}  // namespace

int64_t CustomData::dropped() const {
  int64_t rows = 0;
  for (const CustomFileInfo& file : train.files) rows += file.dropped;
  return rows;
}

std::shared_ptr<const Task> make_custom_task(ProblemType type, std::vector<std::string> classes,
                                             const CustomKeys& keys, bool has_pair) {
  Task task;
  task.name = "custom";
  task.text_a_names = {"text"};
  if (has_pair) task.text_b_names = {"text_pair"};
  task.label_columns = {"label"};
  task.problem_type = type;
  task.labels = std::move(classes);
  switch (type) {
    case ProblemType::single_label_classification:
      task.metrics = {"accuracy", "macro_f1", "weighted_f1", "matthews_correlation"};
      task.selection_metric = "macro_f1";
      break;
    case ProblemType::multi_label_classification:
      task.metrics = {"micro_f1", "macro_f1", "exact_match"};
      task.selection_metric = "micro_f1";
      break;
    case ProblemType::regression:
      task.metrics = {"mse", "mae", "pearson", "spearmanr"};
      task.selection_metric = "pearson";
      break;
  }
  if (type == ProblemType::single_label_classification && task.labels.size() == 2) {
    task.metrics.insert(task.metrics.begin() + 1, "f1");
    task.metrics.push_back("roc_auc");
    if (!keys.positive_label.empty()) {
      const auto found = std::find(task.labels.begin(), task.labels.end(), keys.positive_label);
      require(found != task.labels.end(), "[positive_label] {} is none of the classes {}.",
              quote(keys.positive_label), joined(task.labels));
      task.positive_class = found - task.labels.begin();
    }
  }
  task.train_files = {"train"};
  return std::make_shared<const Task>(std::move(task));
}

CustomPart read_custom_rows(const Task& task, const std::vector<std::string>& paths,
                            const CustomKeys& keys, CustomUse use) {
  CustomFiles files = read_files(paths, keys, use);
  require(!files.empty(), "[data] no file is given.");
  auto own =
      make_custom_task(task.problem_type, task.labels, keys, files[0]->columns.pair.has_value());
  CustomPart part = encode(std::move(files), *own, keys, use);
  part.task = std::move(own);
  return part;
}

CustomData load_custom_train(const CustomKeys& keys, std::span<const std::string> model_labels) {
  require(!keys.train_files.empty(), "[train_file] own data needs a file to train on.");
  CustomData data;
  CustomFiles train = read_files(keys.train_files, keys, CustomUse::train);
  describe_columns(data, train);
  const ProblemType type = problem_type_of(train, keys);
  data.task = make_custom_task(type, order_classes(train, keys, model_labels, type), keys,
                               train[0]->columns.pair.has_value());
  data.train = encode(std::move(train), *data.task, keys, CustomUse::train);
  data.label_counts = count_labels(*data.task, data.train.rows.rows);
  return data;
}

CustomData load_custom(const CustomKeys& keys, std::span<const std::string> model_labels) {
  CustomData data = load_custom_train(keys, model_labels);
  if (keys.validation_files.empty() || keys.k_folds > 0) {
    data.warnings = repeated_rows(data.train.rows.rows, {});
    add_validation(data, keys);
    for (CustomWarning& warning : repeated_rows(data.train.rows.rows, data.validation.rows.rows)) {
      if (warning.kind != "leak") continue;
      warning.kind = "split_leak";
      data.warnings.push_back(std::move(warning));
    }
  } else {
    add_validation(data, keys);
    data.warnings = repeated_rows(data.train.rows.rows, data.validation.rows.rows);
  }
  if (!keys.test_files.empty()) {
    data.test = encode(read_files(keys.test_files, keys, CustomUse::test), *data.task, keys,
                       CustomUse::test);
  }
  for (CustomWarning& warning : similar_labels(data.task->labels)) {
    data.warnings.push_back(std::move(warning));
  }
  if (data.task->problem_type == ProblemType::single_label_classification) {
    for (CustomWarning& warning : many_labels(data.task->labels, data.train.rows.size())) {
      data.warnings.push_back(std::move(warning));
    }
  }
  add_file_warnings(data);
  return data;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
