#include "data/table/parquet_table.h"

#include <algorithm>
#include <utility>

#include "data/table/parquet_chunk.h"

namespace soragrad::data {
namespace {

// What may be decoded beyond the file's own bytes: enough for any small file, and for large ones
// more than Snappy and Zstandard save on text.
constexpr int64_t kLeastBudget = int64_t{1} << 28, kBudgetOfAByte = 64;

}  // namespace

ParquetTable::ParquetTable(const std::string& path, std::string bytes)
    : Table(path, std::move(bytes)) {
  metadata_ = parquet::read_metadata(bytes_, path_);
  std::vector<std::string> names;
  for (const parquet::SchemaColumn& column : metadata_.columns) names.push_back(column.name);
  set_columns(std::move(names), path_);
  budget_ = std::max(kLeastBudget, static_cast<int64_t>(bytes_.size()) * kBudgetOfAByte);
}

std::vector<Column> ParquetTable::read_columns(std::span<const size_t> wanted) {
  require(metadata_.rows > 0, "[{}] no rows in this file.", path_);
  std::vector<parquet::ClassNames> classes = parquet::read_class_names(metadata_.huggingface);
  std::vector<Column> result;
  for (const size_t i : wanted) {
    const parquet::SchemaColumn& column = metadata_.columns[i];
    result.push_back(read_column(column));
    const auto known =
        std::find_if(classes.begin(), classes.end(),
                     [&](const parquet::ClassNames& names) { return names.column == column.name; });
    if (known != classes.end()) result.back().class_names = known->names;
  }
  rows_ = metadata_.rows;
  return result;
}

Column ParquetTable::read_column(const parquet::SchemaColumn& column) {
  if (!column.is_flat && !column.is_list) {
    fail("[{}] column {} is nested; a flat column or a list of plain values is needed.", path_,
         quote(column.name));
  }
  const parquet::Leaf& leaf = metadata_.leaves[column.first_leaf];
  Column result;
  for (const parquet::RowGroup& group : metadata_.groups) {
    parquet::ChunkReader reader(leaf, group.chunks[column.first_leaf], bytes_,
                                {.path = path_,
                                 .arena = &arena_,
                                 .pages = &pages_,
                                 .budget = &budget_,
                                 .invalid_utf8 = &invalid_utf8_});
    reader.read(group.rows, result.cells);
  }
  return result;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
