#include "data/tsv.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

using Fields = std::vector<std::vector<std::string>>;

Fields read(std::string bytes) {
  TsvReader reader("file.tsv", std::move(bytes));
  Fields rows;
  while (reader.next()) rows.emplace_back(reader.fields().begin(), reader.fields().end());
  return rows;
}

}  // namespace

TEST_CASE("tsv: tabs part fields, empty ones included, and quotes are letters") {
  CHECK(read("a\t\"b\t\"\nc\t\t\"d\"\t\n") == Fields{{"a", "\"b", "\""}, {"c", "", "\"d\"", ""}});
}

TEST_CASE("tsv: LF, CR LF and CR end a line, and the last line needs none") {
  CHECK(read("a\tb\r\nc\td\re\tf") == Fields{{"a", "b"}, {"c", "d"}, {"e", "f"}});
}

TEST_CASE("tsv: a byte order mark is skipped at the start alone") {
  CHECK(read("\xEF\xBB\xBFid\n\xEF\xBB\xBFx\n") == Fields{{"id"}, {"\xEF\xBB\xBFx"}});
  CHECK(read("\xEF\xBB\xBF").empty());
}

TEST_CASE("tsv: NUL and bytes that are no UTF-8 are text") {
  CHECK(read(std::string("a\0b\t\xFF\n", 6)) == Fields{{std::string("a\0b", 3), "\xFF"}});
}

TEST_CASE("tsv: empty lines are skipped but counted") {
  TsvReader reader("file.tsv", "\n\na\n\r\n\tb\n");
  REQUIRE(reader.next());
  CHECK(reader.line() == 3);
  REQUIRE(reader.next());
  CHECK(reader.where() == "file.tsv:5");
  CHECK(reader.fields().size() == 2);
  CHECK_FALSE(reader.next());
  reader.rewind();
  REQUIRE(reader.next());
  CHECK(reader.line() == 3);
}

TEST_CASE("tsv: a line of too many columns is an error that names it") {
  const std::string wide(kMaxTsvColumns - 1, '\t');
  CHECK(read(wide).at(0).size() == kMaxTsvColumns);
  CHECK(message_of([&] { read("a\n\t" + wide); }) == "[tsv] file.tsv:2: more than 1024 columns.");
}

TEST_CASE("tsv: a missing file is an error that names it") {
  const TemporaryFolder folder;
  CHECK(message_of([&] { TsvReader(folder / "none.tsv"); }) ==
        "[" + (folder / "none.tsv").string() + "] cannot be opened: No such file or directory.");
}

// SPDX-License-Identifier: Apache-2.0
