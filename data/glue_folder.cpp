#include "data/glue_folder.h"

#include <filesystem>
#include <initializer_list>

#include "core/error.h"
#include "core/text.h"
#include "data/glue_parquet.h"

namespace soragrad::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOriginalMrpc = "msr_paraphrase_train.txt";
const std::string kDevIds[] = {"dev_ids.tsv", "mrpc_dev_ids.tsv"};

std::string first_existing(const fs::path& folder, std::span<const std::string> names) {
  std::error_code error;
  for (const std::string& name : names) {
    if (fs::exists(folder / name, error)) return (folder / name).string();
  }
  return {};
}

// The first of GLUE's own files, else the Hub's of that split.
GlueSource find_source(const fs::path& folder, std::span<const std::string> names, bool dev,
                       std::initializer_list<const char*> hub_splits) {
  GlueSource source{.path = first_existing(folder, names)};
  for (const char* split : hub_splits) {
    const std::string name = glue_parquet_name(split);
    if (source.path.empty()) source.path = first_existing(folder, {&name, 1});
  }
  if (fs::path(source.path).filename() == kOriginalMrpc) {
    source.dev = dev;
    source.dev_ids = first_existing(folder, kDevIds);
    require(!source.dev_ids.empty(),
            "[mrpc] {}: parting train from dev needs {} beside it, or train.tsv and dev.tsv.",
            source.path, kDevIds[0]);
  }
  return source;
}

fs::path task_folder(const Task& task, const fs::path& data) {
  std::error_code error;
  if (fs::is_directory(data / task.folder, error)) return data / task.folder;
  if (fs::is_directory(data / task.name, error)) return data / task.name;  // the Hub's
  for (const std::string& other : task.other_folders) {
    if (fs::is_directory(data / other, error)) return data / other;
  }
  return data;
}

}  // namespace

GlueFiles find_glue_files(const Task& task, const std::string& data,
                          const GlueOverrides& overrides) {
  GlueFiles files;
  if (!data.empty()) {
    std::error_code error;
    require(!fs::is_regular_file(data, error),
            "[data] {} is a file; {} is read from a folder of GLUE's files. Rows of your own are "
            "task=custom train_file=FILE.",
            shown(data), task.name);
    require(
        fs::is_directory(data, error),
        "[data] {}: no such folder; name the folder of the data by data=DIR (train) or --data DIR.",
        shown(data));
    const fs::path folder = task_folder(task, data);
    files.folder = folder.string();
    if (overrides.train_file.empty())
      files.train = find_source(folder, task.train_files, false, {"train"});
    if (overrides.validation_file.empty()) {
      files.validation =
          find_source(folder, task.validation_files, true, {"validation", "validation_matched"});
      files.validation_mm =
          find_source(folder, task.validation_mm_files, true, {"validation_mismatched"});
    }
    if (overrides.test_file.empty()) {
      files.test = find_source(folder, task.test_files, false, {"test", "test_matched"});
      files.test_mm = find_source(folder, task.test_mm_files, false, {"test_mismatched"});
    }
  }
  if (!overrides.train_file.empty()) files.train.path = overrides.train_file;
  if (!overrides.validation_file.empty()) files.validation.path = overrides.validation_file;
  if (!overrides.test_file.empty()) files.test.path = overrides.test_file;
  files.own_test = !overrides.test_file.empty();
  return files;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
