#include "data/split.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.h"
#include "data/permutation.h"

namespace soragrad::data {
namespace {

// The released SoRA code, src/processor.py: fixed, whatever the run's seed is.
constexpr uint64_t kSplitSeed = 42;
constexpr int64_t kValidationRows = 1000;  // taken from train if train is large
constexpr std::array<std::string_view, 3> kProtocols = {"glue", "paper", "adalora"};
constexpr std::array<std::string_view, 3> kSplits = {"train", "validation", "test"};
static_assert(kProtocols.size() == static_cast<size_t>(Protocol::adalora) + 1);
static_assert(kSplits.size() == static_cast<size_t>(Split::test) + 1);

size_t position(const char* key, std::string_view name,
                const std::array<std::string_view, 3>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw UsageError(
        fmt::format("[{}] unknown {} {}; known are {}.", key, key, name, fmt::join(names, ", ")));
  }
  return static_cast<size_t>(found - names.begin());
}

Dataset load_labelled(const Task& task, const GlueFiles& files, const GlueSource& source,
                      std::string_view split, std::span<const std::string> names) {
  if (!source) {
    require(!names.empty(), "[{}] this task has no {} data.", task.name, split);
    fail("[{}] no {} data: none of {} in {}; set `data` or `{}_file`.", task.name, split,
         joined(names), files.folder.empty() ? "(no folder)" : files.folder, split);
  }
  return load_glue_file(task, source, Labels::required);
}

Dataset load_train(const Task& task, const GlueFiles& files) {
  return load_labelled(task, files, files.train, "train", task.train_files);
}

Dataset load_validation(const Task& task, const GlueFiles& files) {
  return load_labelled(task, files, files.validation, "validation", task.validation_files);
}

// The rows begin to end of the seed-42 permutation.
Dataset permuted(Dataset dataset, int64_t begin, int64_t end) {
  const std::vector<int64_t> order = torch_randperm(dataset.size(), kSplitSeed);
  std::vector<Example> rows;
  rows.reserve(static_cast<size_t>(end - begin));
  for (int64_t i = begin; i < end; ++i) rows.push_back(std::move(dataset.rows[order[i]]));
  dataset.rows = std::move(rows);
  return dataset;
}

// The first half validates, the second, larger by one row if the count is odd, tests.
Dataset half(Dataset dataset, Split split) {
  const int64_t count = dataset.size(), middle = count / 2;
  require(middle > 0, "[protocol] {}: one row cannot be halved into validation and test.",
          dataset.path);
  return split == Split::validation ? permuted(std::move(dataset), 0, middle)
                                    : permuted(std::move(dataset), middle, count);
}

// GLUE's own splits. MNLI has two files each for validation and test: matched and mismatched
// genres.
std::vector<NamedDataset> load_official(const Task& task, const GlueFiles& files, Split split) {
  std::vector<NamedDataset> sets;
  switch (split) {
    case Split::train:
      sets.push_back({"train", load_train(task, files)});
      break;
    case Split::validation:
      sets.push_back({"validation", load_validation(task, files)});
      if (files.validation_mm) {
        sets.push_back(
            {"validation_mm", load_glue_file(task, files.validation_mm, Labels::required)});
      }
      break;
    case Split::test:
      if (files.test) sets.push_back({"test", load_glue_file(task, files.test)});
      if (files.test_mm) sets.push_back({"test_mm", load_glue_file(task, files.test_mm)});
      break;
  }
  return sets;
}

// Protocol paper for qqp, qnli, sst2: the first rows of train, permuted, validate, and dev tests.
std::vector<NamedDataset> load_large(const Task& task, const GlueFiles& files, Split split) {
  if (split == Split::test) {
    std::vector<NamedDataset> sets;
    sets.push_back({"test", load_validation(task, files)});
    return sets;
  }
  Dataset train = load_train(task, files);
  const int64_t rows = train.size();
  require(rows > kValidationRows,
          "[protocol] {}: {} rows; paper takes {} of them for validation, so more are needed.",
          train.path, rows, kValidationRows);
  std::vector<NamedDataset> sets;
  sets.push_back(split == Split::train
                     ? NamedDataset{"train", permuted(std::move(train), kValidationRows, rows)}
                     : NamedDataset{"validation", permuted(std::move(train), 0, kValidationRows)});
  return sets;
}

// Protocol paper for the other tasks: all of train trains; dev, permuted, is halved.
std::vector<NamedDataset> load_small(const Task& task, const GlueFiles& files, Split split) {
  std::vector<NamedDataset> sets;
  if (split == Split::train) {
    sets.push_back({"train", load_train(task, files)});
    return sets;
  }
  const std::string name(kSplits[static_cast<size_t>(split)]);
  sets.push_back({name, half(load_validation(task, files), split)});
  if (files.validation_mm) {
    Dataset mismatched = load_glue_file(task, files.validation_mm, Labels::required);
    sets.push_back({name + "_mm", half(std::move(mismatched), split)});
  }
  return sets;
}

}  // namespace

Protocol parse_protocol(std::string_view name) {
  return static_cast<Protocol>(position("protocol", name, kProtocols));
}

Split parse_split(std::string_view name) {
  return static_cast<Split>(position("split", name, kSplits));
}

std::vector<NamedDataset> load_split(const Task& task, Protocol protocol, const GlueFiles& files,
                                     Split split) {
  if (protocol != Protocol::paper || !task.trainable()) return load_official(task, files, split);
  require(!files.own_test,
          "[protocol] paper takes its test rows from dev, so test_file {} would not be used; leave "
          "it out or choose protocol glue.",
          files.test.path);
  return task.large ? load_large(task, files, split) : load_small(task, files, split);
}

std::string_view selection_metric(const Task& task, Protocol protocol) {
  const bool other = protocol == Protocol::adalora && !task.adalora_selection_metric.empty();
  return other ? task.adalora_selection_metric : task.selection_metric;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
