#include "cli/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "core/console.h"
#include "core/error.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/text.h"
#include "data/custom/column_types.h"
#include "data/custom/custom.h"
#include "data/tokenizer/tokenizer.h"
#include "train/config/own_data.h"
#include "train/loop/own_rows.h"

namespace soragrad::cli {

namespace {

using nlohmann::ordered_json;

constexpr size_t kShownClasses = 40, kNameWidth = 32;  // of classes and of columns

// Tokens of each row of train, without a limit.
struct Lengths {
  int64_t rows = 0, longest = 0, cut = 0;  // cut: rows of more than max_seq_length
  double mean = 0;
};

Lengths measure(const data::Tokenizer& tokenizer, const data::CustomData& data, int64_t limit) {
  constexpr int kNoLimit = 1 << 24;
  constexpr int64_t kGrain = 64;
  std::vector<const data::Example*> rows;
  for (const data::CustomPart* part : {&data.train, &data.validation}) {
    for (const data::Example& row : part->rows.rows) rows.push_back(&row);
  }
  const bool has_pair = data.task->has_pair();
  std::vector<int64_t> tokens(rows.size());
  parallel_chunks(static_cast<int64_t>(rows.size()), kGrain, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      std::optional<std::string_view> second;
      if (has_pair) second = rows[i]->text_b;
      tokens[i] = std::ssize(tokenizer.encode(rows[i]->text_a, second, kNoLimit).ids);
    }
  });
  Lengths lengths{.rows = std::ssize(tokens)};
  for (const int64_t length : tokens) {
    lengths.longest = std::max(lengths.longest, length);
    lengths.cut += length > limit;
  }
  lengths.mean = static_cast<double>(std::accumulate(tokens.begin(), tokens.end(), int64_t{0})) /
                 static_cast<double>(lengths.rows);
  return lengths;
}

struct Findings {
  const data::CustomData& own;
  const train::Config& config;
  std::vector<data::ColumnSummary> columns;
  std::unique_ptr<Lengths> lengths;

  bool has_validation_file() const { return own.split == data::CustomData::SplitKind::file; }
  // Rows of the train files, before a share of them validates.
  int64_t rows() const {
    return own.train.rows.size() + (has_validation_file() ? 0 : own.validation.rows.size());
  }
};

ordered_json to_json(const Findings& found) {
  const data::CustomData& data = found.own;
  ordered_json labels = ordered_json::object();
  for (size_t i = 0; i < data.task->labels.size(); ++i) {
    labels[data.task->labels[i]] = data.label_counts[i];
  }
  ordered_json warnings = ordered_json::array();
  for (const data::CustomWarning& warning : data.warnings) {
    warnings.push_back(
        {{"kind", warning.kind}, {"count", warning.count}, {"example", warning.example}});
  }
  ordered_json object{{"rows", found.rows()},
                      {"columns", data.columns},
                      {"problem_type", data::name_of(data.task->problem_type)},
                      {"labels", std::move(labels)},
                      {"dropped", data.dropped()},
                      {"warnings", std::move(warnings)},
                      {"text_column", data.text_column},
                      {"label_column", data.label_column}};
  ordered_json types = ordered_json::object();
  for (const data::ColumnSummary& column : found.columns) {
    types[column.name] = data::name_of(column.type);
  }
  object["types"] = std::move(types);
  if (!data.pair_column.empty()) object["text_pair_column"] = data.pair_column;
  if (found.has_validation_file()) {
    object["validation"] = {{"rows", data.validation.rows.size()},
                            {"dropped", data.validation.rows.dropped}};
  } else {
    object["split"] = {{"train", data.train.rows.size()},
                       {"validation", data.validation.rows.size()}};
  }
  if (found.lengths) {
    object["tokens"] = {{"mean", found.lengths->mean},
                        {"longest", found.lengths->longest},
                        {"max_seq_length", found.config.max_seq_length},
                        {"cut", found.lengths->cut}};
  }
  ordered_json files = ordered_json::array();
  for (const data::CustomFileInfo& file : data.train.files) {
    files.push_back({{"path", file.path}, {"sha256", file.sha256}, {"rows", file.rows}});
  }
  object["files"] = std::move(files);
  return object;
}

std::string classes_text(const data::CustomData& data) {
  const std::vector<std::string>& names = data.task->labels;
  if (names.empty()) return "";
  std::string text = fmt::format("classes: {}, in this order\n", names.size());
  for (size_t i = 0; i < std::min(names.size(), kShownClasses); ++i) {
    text += fmt::format("  {:<{}} {:>10} rows\n", shown(names[i], kNameWidth), kNameWidth,
                        data.label_counts[i]);
  }
  if (names.size() > kShownClasses) {
    text += fmt::format("  and {} more\n", names.size() - kShownClasses);
  }
  return text;
}

std::string lengths_text(const Lengths& lengths, int64_t limit) {
  return fmt::format(
      "tokens of a row: {:.1f} on average, {} at most; {} of {} rows ({:.1f}%) are cut at "
      "max_seq_length {}\n",
      lengths.mean, lengths.longest, lengths.cut, lengths.rows,
      100 * static_cast<double>(lengths.cut) / static_cast<double>(lengths.rows), limit);
}

std::string columns_text(const std::vector<data::ColumnSummary>& columns) {
  std::string text = fmt::format("columns: {}\n", columns.size());
  for (size_t i = 0; i < std::min(columns.size(), kShownClasses); ++i) {
    text += fmt::format("  {:<{}} {}", shown(columns[i].name, kNameWidth), kNameWidth,
                        data::name_of(columns[i].type));
    if (columns[i].empty_cells > 0) text += fmt::format(", {} empty", columns[i].empty_cells);
    text += "\n";
  }
  if (columns.size() > kShownClasses) {
    text += fmt::format("  and {} more\n", columns.size() - kShownClasses);
  }
  return text;
}

std::string to_text(const Findings& found) {
  const data::CustomData& data = found.own;
  std::string text;
  for (const data::CustomFileInfo& file : data.train.files) {
    text += fmt::format("{}: {} rows, {} left out, SHA-256 {}\n", shown(file.path), file.rows,
                        file.dropped, file.sha256);
  }
  text += columns_text(found.columns);
  text += fmt::format("text: {}{}; label: {}; {}\n", shown(data.text_column),
                      data.pair_column.empty() ? "" : " and " + shown(data.pair_column),
                      shown(data.label_column), data::name_of(data.task->problem_type));
  text += classes_text(data);
  if (found.lengths) text += lengths_text(*found.lengths, found.config.max_seq_length);
  text += fmt::format("train would use {} rows and validate on {} {}\n", data.train.rows.size(),
                      data.validation.rows.size(),
                      found.has_validation_file() ? "of the validation file" : "of the same files");
  for (const data::CustomWarning& warning : data.warnings) {
    text += fmt::format("warning: {} ({})\n", warning.text(), warning.kind);
  }
  return text;
}

// Words that are key=value of a known key, or name no file, are keys; the others are files.
train::Config read_words(const DataOptions& options) {
  train::Config config;
  std::string files;
  for (const std::string& word : options.words) {
    const size_t equals = word.find('=');
    const bool is_key = equals != word.npos &&
                        (train::find_key(word.substr(0, equals)) || !std::filesystem::exists(word));
    if (is_key) {
      train::set_argument(config, word);
    } else {
      files += (files.empty() ? "" : ",") + word;
    }
  }
  config.task = train::kCustomTask;
  if (!files.empty() && !config.train_file.empty()) {
    throw UsageError(
        fmt::format("[usage] {} and train_file={} both name the files of train; give one.",
                    shown(files, 80), shown(config.train_file, 80)));
  }
  if (!files.empty()) config.train_file = files;
  if (config.train_file.empty() && config.data.empty()) {
    throw UsageError("[usage] soragrad data FILE... [--model DIR] [--json] [key=value ...]");
  }
  if (!options.model.empty()) config.model = options.model;
  return config;
}

}  // namespace

int data_main(const DataOptions& options) {
  train::Config config = read_words(options);
  train::complete(config);
  const auto own = train::load_own_data(config, [](const std::string&) {});
  const data::CustomData& data = *own;
  train::class_weights_of(config, *data.task, data.label_counts);  // throws for unknown names
  Findings found{data, config, data::column_summaries(train::custom_keys(config)), nullptr};
  if (!config.model.empty()) {
    const auto tokenizer = data::load_tokenizer(config.model);
    found.lengths = std::make_unique<Lengths>(measure(*tokenizer, data, config.max_seq_length));
  }
  write_output(options.json ? json_text(to_json(found)) + "\n" : to_text(found));
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
