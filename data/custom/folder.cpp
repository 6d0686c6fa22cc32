#include "data/custom/folder.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtensions[] = {".csv", ".tsv", ".jsonl", ".json", ".parquet", ".txt"};

std::string list_of(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) {
    text += (text.empty() ? "" : ", ") + shown(fs::path(path).filename().string(), 40);
  }
  return text;
}

// NAME.EXTENSION, or NAME-00000-of-00001.parquet.
bool is_part(const fs::path& file, std::string_view name, bool& is_shard) {
  const std::string stem = file.stem().string();
  const std::string extension = file.extension().string();
  if (std::find(std::begin(kExtensions), std::end(kExtensions), extension) ==
      std::end(kExtensions)) {
    return false;
  }
  is_shard = extension == ".parquet" && stem.starts_with(std::string(name) + "-") &&
             stem.find("-of-") != stem.npos;
  return stem == name || is_shard;
}

// The files of the first of the names that has any.
std::vector<std::string> files_of(const std::string& folder,
                                  std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    std::vector<std::string> files;
    bool all_shards = true;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      bool is_shard = false;
      if (!entry.is_regular_file() || !is_part(entry.path().filename(), name, is_shard)) continue;
      files.push_back(entry.path().string());
      all_shards = all_shards && is_shard;
    }
    std::sort(files.begin(), files.end());
    require(files.size() <= 1 || all_shards, "[{}] {} are all {} files; name one by {}_file.",
            shown(folder), list_of(files), name,
            name == "train" || name == "test" ? name : "validation");
    if (!files.empty()) return files;
  }
  return {};
}

}  // namespace

CustomFolder find_custom_files(const std::string& folder) {
  require(fs::is_directory(folder),
          "[data] {} is no folder; own data is a folder with train.csv "
          "(or .tsv, .jsonl, .parquet, .txt), or train_file=FILE.",
          shown(folder));
  CustomFolder files{files_of(folder, {"train"}), files_of(folder, {"validation", "valid", "dev"}),
                     files_of(folder, {"test"})};
  require(!files.train.empty(),
          "[data] {} has no train.csv, .tsv, .jsonl, .json, .parquet or .txt; "
          "add one, or set train_file=FILE.",
          shown(folder));
  return files;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
