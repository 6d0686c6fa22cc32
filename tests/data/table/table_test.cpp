// Text formats of own data: what is read and what is refused, and where.
#include "data/table/table.h"

#include <doctest/doctest.h>

#include "tests/files.h"

namespace soragrad::data {
namespace {

using test::contains;
using test::message_of;

// All columns of a file in memory.
struct Read {
  std::unique_ptr<Table> table;
  std::vector<Column> columns;

  std::string_view cell(size_t column, size_t row) const {
    return columns[column].cells[row].text();
  }
};

Read read(const std::string& path, std::string bytes, TableOptions options = {}) {
  Read result{read_table(path, std::move(bytes), options), {}};
  std::vector<size_t> wanted;
  for (size_t i = 0; i < result.table->columns().size(); ++i) wanted.push_back(i);
  result.columns = result.table->read(wanted);
  return result;
}

std::string refusal(const std::string& path, std::string bytes) {
  return message_of([&] { read(path, std::move(bytes)); });
}

}  // namespace

TEST_CASE("table: columns and rows that are not there are refused; a file may be read again") {
  const auto table = read_table("t.csv", "a,b\n1,2\n3,4\n");
  const std::vector<size_t> missing = {9}, second = {1};
  CHECK_THROWS_AS(table->read(missing), Error);
  table->read(second);
  CHECK(table->read(second)[0].cells[1].text() == "4");
  CHECK(table->rows() == 2);
  CHECK(table->where(1) == "t.csv:3");
  CHECK_THROWS_AS(table->where(2), Error);
  CHECK_THROWS_AS(table->where(-1), Error);
}

TEST_CASE("csv: quotes hold commas, line ends and doubled quotes") {
  const Read rows = read("a.csv",
                         "\xEF\xBB\xBF id , text\r\n1,\"a,b\r\n\"\"c\"\"\"\r\n\r\n2,d\"e\"\n"
                         "3,");
  REQUIRE(rows.table->columns()[1] == "text");
  REQUIRE(rows.table->rows() == 3);
  CHECK(rows.cell(1, 0) == "a,b\r\n\"c\"");
  CHECK(rows.cell(1, 1) == "d\"e\"");
  CHECK(rows.cell(1, 2) == "");
  CHECK(rows.table->where(0) == "a.csv:2");
  CHECK(rows.table->where(1) == "a.csv:5");
}

TEST_CASE("csv: faults are named by file and line") {
  CHECK(contains(refusal("a.csv", "x,y\n1,2\n1,2,3\n"), "[a.csv:3] a row of 3 fields, expected 2"));
  CHECK(contains(refusal("a.csv", "x,y\n\"1\n\n\",2\n1\n"), "[a.csv:5] a row of 1 fields"));
  CHECK(contains(refusal("a.csv", "x,y\n1,\"open\n2,3\n"), "[a.csv:2] a quote opens"));
  CHECK(contains(refusal("a.csv", "x,y\n1,\"a\"b\n"), "[a.csv:2] text follows the quote"));
  CHECK(contains(refusal("a.csv", "x, x\n1,2\n"), "the column \"x\" occurs twice"));
  CHECK(contains(refusal("a.csv", ""), "the file is empty"));
  CHECK(contains(refusal("noextension", "x"), "\"\" is no known format"));
  CHECK(contains(refusal("a.csv", "x,y\r1,2\r"), "[a.csv] lines end in CR alone"));
  CHECK(contains(refusal("a.csv", "\xff\xfex"), "[a.csv] is UTF-16 text"));
  CHECK(contains(refusal("a.jsonl", "\x1f\x8b\x08"), "[a.jsonl] is packed by gzip"));
}

TEST_CASE("tsv: a quote is text, and columns may be numbers") {
  const Read rows = read("a.tsv", "\"a\tb\r\n\"\t\"\n", {.header = false});
  REQUIRE(rows.table->rows() == 2);
  CHECK(rows.table->columns()[0] == "0");
  CHECK(rows.cell(0, 0) == "\"a");
  CHECK(rows.cell(1, 1) == "\"");
}

TEST_CASE("text: invalid UTF-8 becomes U+FFFD and is counted") {
  const Read rows = read("a.csv", "text\na\xFFz\n\xE4\xB8\n");
  CHECK(rows.cell(0, 0) == "a\xEF\xBF\xBDz");
  CHECK(rows.cell(0, 1) == "\xEF\xBF\xBD");
  CHECK(rows.table->invalid_utf8() == 2);
}

TEST_CASE("jsonl: values keep their text, columns come by first appearance") {
  const Read rows = read("a.jsonl",
                         "{\"b\": 12.50, \"a\": \"\\u00e4\\ud83d\\ude00\\n\"}\n \n"
                         "{\"a\": null, \"c\": [1, \"x\", true], \"b\": false}\n");
  REQUIRE(rows.table->columns().size() == 3);
  CHECK(rows.table->columns()[0] == "b");
  CHECK(rows.cell(0, 0) == "12.50");
  CHECK(rows.cell(1, 0) == "\xC3\xA4\xF0\x9F\x98\x80\n");
  CHECK(rows.columns[1].cells[1].kind() == Cell::Kind::null);
  CHECK(rows.columns[2].cells[0].kind() == Cell::Kind::null);
  CHECK(rows.cell(0, 1) == "false");
  const auto items = rows.columns[2].cells[1].items();
  REQUIRE(items.size() == 3);
  CHECK(items[0].text() == "1");
  CHECK(items[2].text() == "true");
  CHECK(rows.table->where(1) == "a.jsonl:3");
}

TEST_CASE("jsonl: 20 faults are refused by line") {
  const std::string deep(100000, '[');
  const std::string faults[] = {
      "[1]",
      "1",
      "{",
      "{\"a\"}",
      "{\"a\":}",
      "{\"a\":1,}",
      "{\"a\":01}",
      "{\"a\":1.}",
      "{\"a\":1e}",
      "{\"a\":-}",
      "{\"a\":NaN}",
      "{\"a\":tru}",
      "{\"a\":\"}",
      "{\"a\":\"\\x\"}",
      "{\"a\":\"\\u12g4\"}",
      "{\"a\":\"\t\"}",
      "{\"a\":1}{}",
      "{'a':1}",
      "{\"a\":1,\"a\":2}",
      "{\"a\":" + deep,
  };
  for (const std::string& fault : faults) {
    const std::string message = refusal("a.jsonl", "{\"a\": 1}\n" + fault + "\n");
    CAPTURE(fault.substr(0, 40));
    CHECK(message.starts_with("[a.jsonl:2] "));
    CHECK(message.size() < 500);
  }
}

TEST_CASE("fastText: labels are the words at the line's start") {
  const Read one = read("a.txt", "__label__x  some __label__y text\nno label\n");
  CHECK(one.cell(0, 0) == "x");
  CHECK(one.cell(1, 0) == "some __label__y text");
  CHECK(one.columns[0].cells[1].kind() == Cell::Kind::null);
  const Read several = read("a.txt", "__label__x __label__y both\n__label__x one\n");
  CHECK(several.columns[0].cells[0].items().size() == 2);
  CHECK(several.columns[0].cells[1].items().size() == 1);
}

TEST_CASE("table: the format is by extension or by the caller, never guessed") {
  CHECK(contains(message_of([] { open_table("rows.dat"); }), "rows.dat"));
  CHECK(read("rows.dat", "a\tb\n1\t2\n", {.format = "tsv"}).table->columns().size() == 2);
  CHECK(contains(message_of([] { open_table("/absent/rows.csv"); }), "/absent/rows.csv"));
}

TEST_CASE("csv: 20 damaged files are read or refused in one line") {
  const std::string good = "id,text,label\n1,\"a \"\"b\"\"\",x\n2,\"c\nd\",y\n3,plain,x\n";
  for (size_t i = 0; i < 20; ++i) {
    std::string bytes = good;
    bytes[(i * 7 + 3) % bytes.size()] = "\",\n\r\xFF"[i % 5];
    const std::string message = refusal("a.csv", bytes);
    CHECK(message.find('\n') == message.npos);
    CHECK(message.size() < 500);
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
