#include "data/custom/column_types.h"

#include <algorithm>

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

}  // namespace

std::string_view name_of(ColumnType type) {
  constexpr std::string_view kNames[] = {"empty", "boolean", "whole number", "number",
                                         "text",  "list",    "object"};
  return kNames[static_cast<size_t>(type)];
}

std::vector<ColumnSummary> column_summaries(const std::string& path, const CustomKeys& keys) {
  const auto table = open_table(path, {.format = keys.format, .header = keys.header});
  std::vector<ColumnSummary> summaries;
  std::vector<size_t> wanted;
  for (size_t i = 0; i < table->columns().size(); ++i) {
    const bool is_readable = table->is_readable(i);
    if (is_readable) wanted.push_back(i);
    summaries.push_back(
        {table->columns()[i], is_readable ? ColumnType::empty : ColumnType::object, 0});
  }
  const std::vector<Column> columns = table->read(wanted);
  for (size_t i = 0; i < wanted.size(); ++i) {
    ColumnSummary& summary = summaries[wanted[i]];
    for (const Cell& cell : columns[i].cells) {
      const ColumnType type = type_of(cell);
      summary.type = std::max(summary.type, type);
      summary.empty_cells += type == ColumnType::empty;
    }
  }
  return summaries;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
