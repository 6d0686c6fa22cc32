#include "train/loop/trained_rows.h"

#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "train/config/own_data.h"
#include "train/loop/own_rows.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

namespace {

// Files of own data may bring the second text that the task was not known to have.
data::CustomPart read_part(Trained& trained, const std::vector<std::string>& paths,
                           const data::CustomKeys& keys, data::CustomUse use) {
  data::CustomPart part = data::read_custom_rows(*trained.task, paths, keys, use);
  trained.own_task = part.task;
  trained.task = trained.own_task.get();
  return part;
}

// split.json of the run, if its files must have the bytes that it records: the command names no
// others. Else "".
std::string record_of(const Trained& trained) {
  const std::string path = trained.run.empty() ? "" : trained.run + "/split.json";
  const bool counts = !path.empty() && !trained.has_other_files && std::filesystem::exists(path);
  return counts ? path : "";
}

std::vector<data::NamedDataset> own_rows(Trained& trained, data::Split split) {
  data::CustomKeys keys = own_keys(trained);
  const std::string record = record_of(trained);
  keys.columns_were_found = !record.empty() && may_have_found_columns(trained.config);
  if (!record.empty()) require_own_files(keys, trained.run);
  std::vector<data::NamedDataset> sets;
  if (split == data::Split::test) {
    if (keys.test_files.empty()) return sets;
    data::CustomPart part = read_part(trained, keys.test_files, keys, data::CustomUse::test);
    if (!record.empty()) data::require_same_files(read_file(record), record, "test", part);
    sets.push_back({"test", std::move(part.rows)});
    return sets;
  }
  const bool own_files = split == data::Split::validation && !keys.validation_files.empty() &&
                         keys.k_folds == 0 && keys.train_files.empty();
  if (own_files) {
    data::CustomPart part =
        read_part(trained, keys.validation_files, keys, data::CustomUse::validation);
    sets.push_back({"validation", std::move(part.rows)});
    return sets;
  }
  data::CustomData data = data::load_custom(keys);
  if (!record.empty()) data::require_same_files(read_file(record), record, data);
  trained.own_task = data.task;
  trained.task = trained.own_task.get();
  data::CustomPart& part = split == data::Split::train ? data.train : data.validation;
  sets.push_back({split == data::Split::train ? "train" : "validation", std::move(part.rows)});
  return sets;
}

}  // namespace

std::vector<data::NamedDataset> evaluation_rows(Trained& trained, data::Split split) {
  if (trained.own_task) return own_rows(trained, split);
  const data::GlueFiles files =
      data::find_glue_files(*trained.task, trained.data, trained.overrides);
  return data::load_split(*trained.task, trained.protocol, files, split);
}

data::NamedDataset prediction_rows(Trained& trained, const std::string& path) {
  if (!trained.own_task) {
    return {"predict", data::load_glue_file(*trained.task, path, data::Labels::ignored)};
  }
  data::CustomPart part = read_part(trained, {path}, own_keys(trained), data::CustomUse::predict);
  return {"predict", std::move(part.rows)};
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
