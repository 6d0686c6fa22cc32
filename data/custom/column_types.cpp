#include "data/custom/column_types.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/error.h"
#include "data/custom/file.h"
#include "data/table/table.h"

namespace soragrad::data {
namespace {

ColumnType type_of(const Cell& cell) {
  switch (cell.kind()) {
    case Cell::Kind::null:
      return ColumnType::empty;
    case Cell::Kind::boolean:
      return ColumnType::boolean;
    case Cell::Kind::list:
      return ColumnType::list;
    case Cell::Kind::object:
      return ColumnType::object;
    default:
      break;
  }
  const std::string_view text = trimmed_blanks(cell.text());
  if (text.empty()) return ColumnType::empty;
  const NumberForm form = number_form(text);
  if (!form.is_number) return ColumnType::text;
  return form.is_whole ? ColumnType::whole_number : ColumnType::number;
}

void add_cells(const Column& column, ColumnSummary& summary) {
  for (const Cell& cell : column.cells) {
    const ColumnType type = type_of(cell);
    summary.type = std::max(summary.type, type);
    summary.empty_cells += type == ColumnType::empty;
  }
}

void add_apart(Table& table, size_t column, ColumnSummary& summary) {
  ColumnType worst = ColumnType::not_read;
  try {
    if (table.is_readable(column)) return add_cells(table.read({&column, 1})[0], summary);
    worst = ColumnType::object;
  } catch (const Error&) {  // of a column that nobody has asked for
  }
  summary.type = std::max(summary.type, worst);
}

// Where each column of the table is among the summaries; new names come behind them.
std::vector<size_t> places_of(const Table& table, std::vector<ColumnSummary>& summaries) {
  std::vector<size_t> places;
  for (const std::string& name : table.columns()) {
    const auto known = std::ranges::find(summaries, name, &ColumnSummary::name);
    places.push_back(static_cast<size_t>(known - summaries.begin()));
    if (known == summaries.end()) summaries.push_back({.name = name});
  }
  return places;
}

}  // namespace

std::string_view name_of(ColumnType type) {
  constexpr std::string_view kNames[] = {"empty", "boolean", "whole number", "number",
                                         "text",  "list",    "object",       "not read"};
  return kNames[static_cast<size_t>(type)];
}

std::vector<ColumnSummary> column_summaries(const CustomKeys& keys) {
  std::vector<ColumnSummary> summaries;
  for (const std::string& path : keys.train_files) {
    const auto table = open_table(path, {.format = keys.format, .header = keys.header});
    const std::vector<size_t> places = places_of(*table, summaries);
    if (table->keeps_columns_apart()) {
      for (size_t i = 0; i < places.size(); ++i) add_apart(*table, i, summaries[places[i]]);
      continue;
    }
    std::vector<size_t> wanted(places.size());
    std::iota(wanted.begin(), wanted.end(), size_t{0});
    const std::vector<Column> columns = table->read(wanted);
    for (size_t i = 0; i < places.size(); ++i) add_cells(columns[i], summaries[places[i]]);
  }
  return summaries;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
