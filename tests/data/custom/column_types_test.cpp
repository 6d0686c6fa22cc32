#include "data/custom/column_types.h"

#include <doctest/doctest.h>

#include "tests/files.h"

using namespace soragrad;
using data::ColumnType;

namespace {

std::vector<ColumnType> types_of(std::string_view name, std::string_view text) {
  const test::TemporaryFolder folder;
  std::vector<ColumnType> types;
  for (const auto& column : data::column_summaries(folder.write(name, text), {})) {
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
  const auto columns = data::column_summaries(folder.write("a.csv", "a,b\n1, \n2,x\n,\n"), {});
  CHECK(columns[0].empty_cells == 1);
  CHECK(columns[1].empty_cells == 2);
  CHECK(data::name_of(columns[0].type) == "whole number");
}

// SPDX-License-Identifier: Apache-2.0
