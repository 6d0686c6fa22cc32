#include "data/custom/column_types.h"

#include <doctest/doctest.h>

#include "data/custom/custom.h"
#include "tests/data/table/parquet_writer.h"
#include "tests/files.h"

using namespace soragrad;
using data::ColumnType;

namespace {

std::vector<ColumnType> types_of(std::string_view name, std::string_view text) {
  const test::TemporaryFolder folder;
  std::vector<ColumnType> types;
  for (const auto& column : data::column_summaries({.train_files = {folder.write(name, text)}})) {
    types.push_back(column.type);
  }
  return types;
}

}  // namespace

TEST_CASE("column types: what every cell is, text if cells differ, empty cells aside") {
  CHECK(types_of("a.csv", "a,b,c,d,e\n1,1.5,x,,1\n2,3,4,,nan\n,,,,\n") ==
        std::vector<ColumnType>{ColumnType::whole_number, ColumnType::number, ColumnType::text,
                                ColumnType::empty, ColumnType::text});
  CHECK(types_of("a.jsonl", "{\"a\":true,\"b\":[1],\"c\":{}}\n{\"a\":false,\"d\":null}\n") ==
        std::vector<ColumnType>{ColumnType::boolean, ColumnType::list, ColumnType::object,
                                ColumnType::empty});
}

TEST_CASE("column types: empty cells are counted") {
  const test::TemporaryFolder folder;
  const auto columns =
      data::column_summaries({.train_files = {folder.write("a.csv", "a,b\n1, \n2,x\n,\n")}});
  CHECK(columns[0].empty_cells == 1);
  CHECK(columns[1].empty_cells == 2);
  CHECK(data::name_of(columns[0].type) == "whole number");
}

TEST_CASE("column types: columns of all files, by name") {
  const test::TemporaryFolder folder;
  const auto columns =
      data::column_summaries({.train_files = {folder.write("a.csv", "text,n\na,1\nb,\n"),
                                              folder.write("b.csv", "n,text,late\n2.5,,true\n")}});
  REQUIRE(columns.size() == 3);
  CHECK(columns[0].name == "text");
  CHECK(columns[0].empty_cells == 1);
  CHECK(columns[1].type == ColumnType::number);
  CHECK(columns[1].empty_cells == 1);
  CHECK(columns[2].name == "late");
}

TEST_CASE("column types: a column of Parquet that cannot be read keeps no other from being read") {
  const test::TemporaryFolder folder;
  test::ParquetColumn text{.name = "text"}, label{.name = "label"},
      packed{.name = "packed", .named_codec = 2};  // gzip
  for (const char* name : {"x", "y", "x", "y"}) {
    for (test::ParquetColumn* column : {&text, &packed, &label}) column->texts.push_back(name);
  }
  const data::CustomKeys keys{
      .train_files = {folder.write("a.parquet", test::parquet_bytes({text, packed, label}))}};
  CHECK(data::load_custom_train(keys).train.rows.size() == 4);
  const auto columns = data::column_summaries(keys);
  REQUIRE(columns.size() == 3);
  CHECK(columns[0].type == ColumnType::text);
  CHECK(data::name_of(columns[1].type) == "not read");
  CHECK(columns[2].type == ColumnType::text);
}

// SPDX-License-Identifier: Apache-2.0
