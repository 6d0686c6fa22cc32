#include "data/source_scores.h"

#include <map>
#include <utility>

#include "data/metrics.h"
#include "data/tsv.h"

namespace soragrad::data {

namespace {

constexpr size_t kMaxSources = 100;  // more would not be read

// CoLA's labelled form: source, label, mark, sentence.
bool has_sources(TsvReader& reader) {
  if (!reader.next()) return false;
  const auto fields = reader.fields();
  return fields.size() == 4 && (fields[1] == "0" || fields[1] == "1");
}

}  // namespace

std::vector<std::string> sources_of(const Dataset& dataset) {
  if (dataset.task->name != "cola" || !dataset.path.ends_with(".tsv")) return {};
  TsvReader reader(dataset.path);
  if (!has_sources(reader)) return {};
  std::vector<std::string> in_file;  // by the row's number, as in Example::index
  reader.rewind();
  while (reader.next()) {
    const auto fields = reader.fields();
    in_file.emplace_back(fields.empty() ? "" : fields[0]);
  }
  std::vector<std::string> sources;
  for (const Example& row : dataset.rows) {
    const auto number = static_cast<size_t>(row.index);
    sources.push_back(number < in_file.size() ? in_file[number] : "");
  }
  return sources;
}

std::vector<SourceScore> scores_by_source(const Dataset& dataset, std::span<const float> logits) {
  const std::vector<std::string> sources = sources_of(dataset);
  if (sources.empty()) return {};
  const std::vector<int64_t> predictions = argmax_rows(logits, dataset.task->num_labels());
  std::map<std::string, SourceScore> scores;
  for (size_t i = 0; i < sources.size(); ++i) {
    SourceScore& score = scores[sources[i]];
    score.source = sources[i];
    ++score.rows;
    score.right += predictions[i] == dataset.rows[i].label ? 1 : 0;
    if (scores.size() > kMaxSources) return {};
  }
  std::vector<SourceScore> sorted;
  if (scores.size() < 2) return sorted;
  for (auto& [source, score] : scores) sorted.push_back(std::move(score));
  return sorted;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
