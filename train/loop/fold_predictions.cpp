#include "train/loop/fold_predictions.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/custom/predictions.h"
#include "train/loop/evaluate.h"

namespace soragrad::train {

namespace {

constexpr std::string_view kColumns = "fold\tfile\trow\tanswer\t";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The label that the file has, without what would end a cell.
std::string answer_of(const data::Task& task, const data::Example& row,
                      const std::string& separator) {
  std::string text;
  if (task.regression()) return fmt::format("{}", row.score);
  if (row.label >= 0) text = task.labels[static_cast<size_t>(row.label)];
  for (const int32_t number : row.classes) {
    if (!text.empty()) text += separator;
    text += task.labels[static_cast<size_t>(number)];
  }
  std::ranges::replace_if(
      text, [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

struct Line {
  int64_t file, row;
  std::string_view text;
};

// A whole number that ends at a tab; the text goes on behind it.
int64_t take_number(std::string_view& text, const std::string& path) {
  const size_t tab = std::min(text.find('\t'), text.size());
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + tab, value);
  require(error == std::errc() && end == text.data() + tab && tab < text.size(),
          "[{}] a line does not begin with fold, file and row.", path);
  text.remove_prefix(tab + 1);
  return value;
}

}  // namespace

void write_fold_predictions(Session& session, const RunFolder& folder) {
  const Rows& rows = session.validation.at(0);
  const data::Task& task = *rows.dataset.task;
  const std::string& given = session.config.custom.label_separator;
  const std::string separator = given.empty() ? "," : given;
  const std::vector<float> logits =
      compute_logits(*session.model, rows, session.config.per_device_eval_batch_size, true);
  const std::string predictions = data::prediction_text(
      task, logits, rows.dataset.rows, {.has_probabilities = true, .separator = separator});
  const std::vector<std::string_view> lines = lines_of(predictions);
  std::string text = fmt::format("{}{}\n", kColumns, lines.at(0));
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    const data::RowOrigin& origin = session.custom->validation.origins.at(i);
    text +=
        fmt::format("{}\t{}\t{}\t{}\t{}\n", session.config.custom.fold, origin.file, origin.row + 1,
                    answer_of(task, rows.dataset.rows[i], separator), lines[i + 1]);
  }
  folder.write_file(kFoldPredictions, text);
}

std::string joined_predictions(std::span<const std::string> run_folders) {
  std::vector<std::string> texts;
  for (const std::string& folder : run_folders) {
    texts.push_back(read_file(fmt::format("{}/{}", folder, kFoldPredictions)));
  }
  std::string_view header;
  std::vector<Line> all;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string path = fmt::format("{}/{}", run_folders[i], kFoldPredictions);
    const std::vector<std::string_view> lines = lines_of(texts[i]);
    require(!lines.empty() && lines[0].starts_with(kColumns), "[{}] no predictions of a fold.",
            path);
    if (i == 0) header = lines[0];
    require(lines[0] == header, "[{}] other columns than the fold before: {}.", path,
            quote(lines[0]));
    for (size_t j = 1; j < lines.size(); ++j) {
      std::string_view rest = lines[j];
      take_number(rest, path);
      const int64_t file = take_number(rest, path);
      all.push_back({file, take_number(rest, path), lines[j]});
    }
  }
  std::ranges::sort(all, {}, [](const Line& line) { return std::tie(line.file, line.row); });
  std::string text = std::string(header) + "\n";
  for (const Line& line : all) text.append(line.text) += '\n';
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
