// split.json: which bytes a run read, and which rows validated.
#include <nlohmann/json.hpp>

#include "data/custom/custom.h"

namespace soragrad::data {
namespace {

using nlohmann::ordered_json;

ordered_json files_of(const CustomPart& part) {
  ordered_json files = ordered_json::array();
  for (const CustomFileInfo& file : part.files) {
    files.push_back({{"path", file.path},
                     {"sha256", file.sha256},
                     {"bytes", file.bytes},
                     {"rows", file.rows},
                     {"dropped", file.dropped}});
  }
  return files;
}

}  // namespace

std::string split_json(const CustomData& data, const CustomKeys& keys) {
  constexpr const char* kKinds[] = {"validation_file", "validation_split", "k_folds"};
  ordered_json record;
  record["split"] = kKinds[static_cast<size_t>(data.split)];
  if (data.split == CustomData::SplitKind::share) {
    record["validation_split"] = keys.validation_split;
  }
  if (data.split == CustomData::SplitKind::fold) {
    record["k_folds"] = keys.k_folds;
    record["fold"] = keys.fold;
  }
  if (data.split != CustomData::SplitKind::file) {
    record["split_seed"] = keys.split_seed;
    // Rows of each train file that validate, counted from 1 over all its rows.
    ordered_json rows = ordered_json::array();
    for (size_t file = 0; file < data.train.files.size(); ++file) {
      rows.push_back(ordered_json::array());
    }
    for (const RowOrigin& origin : data.validation.origins) {
      rows[origin.file].push_back(origin.row + 1);
    }
    record["validation_rows"] = std::move(rows);
  }
  record["train"] = files_of(data.train);
  record["validation"] = files_of(data.validation);
  record["test"] = files_of(data.test);
  return record.dump() + "\n";
}

void require_same_files(std::string_view recorded, const std::string& recorded_path,
                        std::string_view name, const CustomPart& part) {
  const auto record = nlohmann::json::parse(recorded, nullptr, false);
  require(record.is_object(), "[{}] not the record of a split.", recorded_path);
  const auto& files = record.value(name, nlohmann::json::array());
  require(files.is_array() && files.size() == part.files.size(),
          "[{}] the run has {} {} files, there are {} now.", recorded_path, files.size(), name,
          part.files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    const bool has_hash =
        files[i].is_object() && files[i].contains("sha256") && files[i]["sha256"].is_string();
    const std::string hash = has_hash ? files[i]["sha256"].get<std::string>() : "";
    require(hash == part.files[i].sha256,
            "[{}] {} has other bytes than the run was made from: SHA-256 {}, then {}; give the "
            "old file, or start a run anew.",
            recorded_path, part.files[i].path, part.files[i].sha256.substr(0, 16),
            hash.substr(0, 16));
  }
}

void require_same_files(std::string_view recorded, const std::string& recorded_path,
                        const CustomData& data) {
  require_same_files(recorded, recorded_path, "train", data.train);
  require_same_files(recorded, recorded_path, "validation", data.validation);
  require_same_files(recorded, recorded_path, "test", data.test);
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
