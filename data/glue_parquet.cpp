#include "data/glue_parquet.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/custom/file.h"
#include "data/table/table.h"

namespace soragrad::data {
namespace {

std::optional<size_t> find_column(const Table& table, std::span<const std::string> names) {
  for (const std::string& name : names) {
    const auto columns = table.columns();
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found != columns.end()) return static_cast<size_t>(found - columns.begin());
  }
  return std::nullopt;
}

size_t needed_column(const Task& task, const Table& table, std::span<const std::string> names) {
  const auto column = find_column(table, names);
  if (!column) {
    std::vector<std::string> columns(table.columns().begin(), table.columns().end());
    fail("[{}] {}: no column {}; it has {}.", task.name, table.path(), joined(names),
         shown(joined(columns)));
  }
  return *column;
}

std::optional<int64_t> whole(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool has_label(const Cell& cell) {
  return cell.kind() != Cell::Kind::null && cell.text() != "-1" && cell.text() != "-1.0";
}

// Reads the label of a row into the example.
void read_label(const Task& task, const Table& table, int64_t row, const Column& column,
                Example& example) {
  const std::string_view text = column.cells[static_cast<size_t>(row)].text();
  if (task.regression()) {
    const float score =
        number_form(text).is_number ? static_cast<float>(number_value(text)) : HUGE_VALF;
    require(std::isfinite(score), "[{}] {}: score {} is not a finite number.", task.name,
            table.where(row), quote(text));
    example.score = static_cast<double>(score);
    return;
  }
  std::optional<int64_t> label = whole(text);
  if (label && !column.class_names.empty()) {
    const bool is_named = *label >= 0 && *label < std::ssize(column.class_names);
    const auto found = is_named ? std::find(task.labels.begin(), task.labels.end(),
                                            column.class_names[static_cast<size_t>(*label)])
                                : task.labels.end();
    label = found == task.labels.end() ? std::nullopt : std::optional(found - task.labels.begin());
  }
  require(label && *label >= 0 && *label < task.num_labels(),
          "[{}] {}: unknown label {}; expected {} or 0 to {}.", task.name, table.where(row),
          quote(text), joined(task.labels), task.num_labels() - 1);
  example.label = *label;
}

}  // namespace

std::string glue_parquet_name(const std::string& split) {
  return split + "-00000-of-00001.parquet";
}

Dataset load_glue_parquet(const Task& task, const std::string& path, Labels labels) {
  const auto table = open_table(path, {.format = "parquet"});
  std::vector<size_t> wanted{needed_column(task, *table, task.text_a_names)};
  if (task.has_pair()) wanted.push_back(needed_column(task, *table, task.text_b_names));
  const auto label_column = find_column(*table, task.label_columns);
  const auto index_column = find_column(*table, std::vector<std::string>{"idx", "index"});
  const size_t label_place = wanted.size();
  if (label_column) wanted.push_back(*label_column);
  if (index_column) wanted.push_back(*index_column);
  const std::vector<Column> columns = table->read(wanted);

  Dataset dataset{.task = &task, .path = path};
  if (label_column && labels != Labels::ignored) {
    const std::vector<Cell>& cells = columns[label_place].cells;
    dataset.labelled = std::any_of(cells.begin(), cells.end(), has_label);
  }
  require(dataset.labelled || labels != Labels::required,
          "[{}] {}: no labels; give a file in the form of the train split.", task.name, path);
  for (int64_t row = 0; row < table->rows(); ++row) {
    const auto i = static_cast<size_t>(row);
    if (dataset.labelled && !has_label(columns[label_place].cells[i])) {
      ++dataset.dropped;
      continue;
    }
    Example example;
    example.text_a = columns[0].cells[i].text();
    if (task.has_pair()) example.text_b = columns[1].cells[i].text();
    if (dataset.labelled) read_label(task, *table, row, columns[label_place], example);
    example.index = index_column ? whole(columns.back().cells[i].text()).value_or(row) : row;
    dataset.rows.push_back(std::move(example));
  }
  return dataset;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
