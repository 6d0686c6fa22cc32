#include "data/custom/folder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <set>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 6> kExtensions = {".csv",  ".tsv",     ".jsonl",
                                                         ".json", ".parquet", ".txt"};

std::string list_of(const std::vector<std::string>& paths) {
  constexpr size_t kMost = 4;
  std::string text;
  for (size_t i = 0; i < std::min(paths.size(), kMost); ++i) {
    text += (i == 0 ? "" : ", ") + shown(fs::path(paths[i]).filename().string(), 40);
  }
  return paths.size() > kMost ? fmt::format("{} and {} more", text, paths.size() - kMost) : text;
}

// Which part of how many a file of the Hub is: train-00000-of-00002.parquet, of which some have a
// hash behind that. Nothing if it is no such one.
struct Shard {
  int64_t number = 0, count = 0;
};
std::optional<Shard> shard_of(std::string_view stem, std::string_view name) {
  constexpr std::string_view kOf = "-of-";
  Shard shard;
  const char* const end = stem.data() + stem.size();
  const auto take = [&](std::string_view before, const char* at, int64_t& number) -> const char* {
    const std::string_view rest(at, static_cast<size_t>(end - at));
    if (!rest.starts_with(before)) return nullptr;
    const auto [stop, error] = std::from_chars(at + before.size(), end, number);
    return error == std::errc() && number >= 0 ? stop : nullptr;
  };
  if (!stem.starts_with(name)) return std::nullopt;
  const char* at = take("-", stem.data() + name.size(), shard.number);
  if (at) at = take(kOf, at, shard.count);
  if (!at || (at != end && *at != '-')) return std::nullopt;
  return shard;
}

// The files of one part in a folder: whole ones, or shards.
struct Found {
  std::vector<std::string> files;
  std::vector<Shard> shards;  // of those that are shards
};

Found find_part(const std::string& folder, std::string_view name) {
  Found found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const fs::path file = entry.path().filename();
    const std::string stem = file.stem().string();
    const std::string extension = ascii_lower(file.extension().string());
    if (!entry.is_regular_file() ||
        std::ranges::find(kExtensions, extension) == kExtensions.end()) {
      continue;
    }
    const auto shard = extension == ".parquet" ? shard_of(stem, name) : std::nullopt;
    if (stem != name && !shard) continue;
    found.files.push_back(entry.path().string());
    if (shard) found.shards.push_back(*shard);
  }
  std::sort(found.files.begin(), found.files.end());
  return found;
}

// Throws if shards are missing, occur twice or belong to different sets.
void check_shards(const std::string& folder, std::string_view name, std::string_view key,
                  const Found& found) {
  const std::vector<Shard>& shards = found.shards;
  std::set<int64_t> numbers;
  for (const Shard& shard : shards) {
    require(shard.count == shards[0].count,
            "[{}] {} are parts of {} files and of {}; leave one set there, or name its files by "
            "{}_file.",
            shown(folder), list_of(found.files), shards[0].count, shard.count, key);
    require(shard.number < shard.count && numbers.insert(shard.number).second,
            "[{}] {}: part {} of {} is {}; name the right files by {}_file.", shown(folder),
            list_of(found.files), shard.number, shard.count,
            shard.number < shard.count ? "there twice" : "none, parts count from 0", key);
  }
  int64_t missing = 0;
  while (numbers.contains(missing)) ++missing;
  require(
      static_cast<int64_t>(numbers.size()) == shards[0].count,
      "[{}] has {} of the {} files {}-*-of-{:05}.parquet: {}; {}-{:05}-of-{:05} is missing. Add "
      "what is missing, or name the files by {}_file.",
      shown(folder), numbers.size(), shards[0].count, name, shards[0].count, list_of(found.files),
      name, missing, shards[0].count, key);
}

// The files of the first of the names that has any.
std::vector<std::string> files_of(const std::string& folder,
                                  std::initializer_list<std::string_view> names) {
  const std::string_view key = *names.begin();
  for (const std::string_view name : names) {
    Found found = find_part(folder, name);
    if (found.files.empty()) continue;
    require(found.files.size() == 1 || found.shards.size() == found.files.size(),
            "[{}] {} are all {} files; name one by {}_file.", shown(folder), list_of(found.files),
            name, key);
    if (!found.shards.empty()) check_shards(folder, name, key, found);
    return found.files;
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
