#include "train/loop/data_facts.h"

#include <algorithm>

#include "core/error.h"
#include "core/sha256.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

json label_counts(const data::Dataset& dataset) {
  const data::Task& task = *dataset.task;
  std::vector<int64_t> counts(task.labels.size());
  for (const data::Example& row : dataset.rows) {
    if (row.label >= 0) ++counts[static_cast<size_t>(row.label)];
    for (const int32_t number : row.classes) ++counts[static_cast<size_t>(number)];
  }
  json list = json::array();
  for (size_t i = 0; i < counts.size(); ++i) list.push_back({task.labels[i], counts[i]});
  return list;
}

json score_range(const data::Dataset& dataset) {
  double sum = 0, least = dataset.rows.at(0).score, largest = least;
  for (const data::Example& row : dataset.rows) {
    sum += row.score;
    least = std::min(least, row.score);
    largest = std::max(largest, row.score);
  }
  return {
      {"least", least}, {"mean", sum / static_cast<double>(dataset.size())}, {"largest", largest}};
}

}  // namespace

FileHashes hash_files(const std::vector<const Rows*>& splits) {
  FileHashes hashes;
  for (const Rows* rows : splits) {
    const auto [hash, is_new] = hashes.try_emplace(rows->dataset.path);
    if (!is_new) continue;
    try {
      hash->second = sha256_of_file(hash->first);
    } catch (const Error&) {  // the report shows none
    }
  }
  return hashes;
}

json data_facts(const Rows& rows, const FileHashes& hashes, int64_t max_length) {
  const data::Dataset& dataset = rows.dataset;
  const auto hash = hashes.find(dataset.path);
  int64_t tokens = 0, full = 0;
  for (const data::Encoded& row : rows.encoded) {
    const auto length = static_cast<int64_t>(row.ids.size());
    tokens += length;
    full += length >= max_length;
  }
  json facts{{"file", dataset.path}, {"rows", rows.size()}, {"dropped", dataset.dropped},
             {"tokens", tokens},     {"full_rows", full},   {"sha256", nullptr}};
  if (hash != hashes.end() && !hash->second.empty()) facts["sha256"] = hash->second;
  if (dataset.task->regression()) {
    facts["scores"] = score_range(dataset);
  } else {
    facts["labels"] = label_counts(dataset);
  }
  return facts;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
