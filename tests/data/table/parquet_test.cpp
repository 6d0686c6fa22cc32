// Parquet: what a writer of our own makes is read back, and damage is refused.
#include <doctest/doctest.h>

#include <filesystem>

#include "data/table/table.h"
#include "tests/data/table/parquet_writer.h"
#include "tests/files.h"

namespace soragrad::data {
namespace {

using test::contains;
using test::message_of;
using test::ParquetColumn;
using test::ParquetOptions;

std::vector<ParquetColumn> sample() {
  ParquetColumn text{.name = "text"}, number{.name = "n", .kind = ParquetColumn::Kind::int64},
      score{.name = "score", .kind = ParquetColumn::Kind::real64},
      tags{.name = "tags", .kind = ParquetColumn::Kind::list};
  for (int row = 0; row < 40; ++row) {
    const bool is_null = row % 7 == 3;
    text.texts.push_back(is_null ? std::nullopt
                                 : std::optional("text " + std::to_string(row % 5) + " \xC3\xA4"));
    number.texts.push_back(std::to_string(row % 3 - 1));
    score.texts.push_back(std::to_string(row) + ".5");
    tags.lists.push_back(is_null        ? std::nullopt
                         : row % 7 == 4 ? std::optional(std::vector<std::string>{})
                                        : std::optional(std::vector<std::string>{"a", "b"}));
  }
  return {text, number, score, tags};
}

void check_sample(const std::string& bytes) {
  const auto table = read_table("a.parquet", bytes);
  const std::vector<Column> columns = table->read(std::vector<size_t>{0, 1, 2, 3});
  REQUIRE(table->rows() == 40);
  for (size_t row = 0; row < 40; ++row) {
    const bool is_null = row % 7 == 3;
    CHECK((columns[0].cells[row].kind() == Cell::Kind::null) == is_null);
    if (!is_null) {
      CHECK(columns[0].cells[row].text() == "text " + std::to_string(row % 5) + " \xC3\xA4");
    }
    CHECK(columns[1].cells[row].text() == std::to_string(static_cast<int>(row % 3) - 1));
    CHECK(columns[2].cells[row].text() == std::to_string(row) + ".5");
    CHECK((columns[3].cells[row].kind() == Cell::Kind::null) == is_null);
    CHECK(columns[3].cells[row].items().size() == (is_null || row % 7 == 4 ? 0 : 2));
  }
  CHECK(table->where(4) == "a.parquet: row 5");
}

void check_equal(const Cell& a, const Cell& b) {
  CHECK(a.kind() == b.kind());
  CHECK(a.text() == b.text());
  REQUIRE(a.items().size() == b.items().size());
  for (size_t i = 0; i < a.items().size(); ++i) CHECK(a.items()[i].text() == b.items()[i].text());
}

std::vector<ParquetOptions> all_options() {
  std::vector<ParquetOptions> all;
  for (const bool dictionary : {false, true}) {
    for (const bool page_v2 : {false, true}) {
      for (const int codec : {0, 1, 6}) {
        for (const size_t group : {size_t{0}, size_t{9}}) {
          all.push_back({dictionary, page_v2, codec, group, ""});
        }
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("parquet: plain and dictionary pages 1 and 2 of every codec are read") {
  for (const ParquetOptions& options : all_options()) {
    CAPTURE(options.dictionary);
    CAPTURE(options.page_v2);
    CAPTURE(options.codec);
    CAPTURE(options.rows_of_a_group);
    check_sample(test::parquet_bytes(sample(), options));
  }
}

TEST_CASE("parquet: names of a ClassLabel come from the key huggingface") {
  ParquetOptions options;
  options.huggingface =
      R"({"info":{"features":{"n":{"names":["no","yes"],"_type":"ClassLabel"},"text":{}}}})";
  const auto table = read_table("a.parquet", test::parquet_bytes(sample(), options));
  const std::vector<Column> columns = table->read(std::vector<size_t>{1, 0});
  REQUIRE(columns[0].class_names.size() == 2);
  CHECK(columns[0].class_names[1] == "yes");
  CHECK(columns[1].class_names.empty());
}

TEST_CASE("parquet: names of a sequence of ClassLabels, in each form of its features") {
  for (const char* feature :
       {R"({"feature":{"names":["no","yes"],"_type":"ClassLabel"},"_type":"List"})",
        R"([{"names":["no","yes"],"_type":"ClassLabel"}])"}) {
    CAPTURE(feature);
    ParquetOptions options;
    options.huggingface = fmt::format(R"({{"info":{{"features":{{"tags":{}}}}}}})", feature);
    const auto table = read_table("a.parquet", test::parquet_bytes(sample(), options));
    const std::vector<Column> columns = table->read(std::vector<size_t>{3});
    CHECK(columns[0].class_names == std::vector<std::string>{"no", "yes"});
  }
}

TEST_CASE("parquet: files of pyarrow hold the rows that it tells") {
  int files = 0;
  for (const char* kind : {"flat", "lists"}) {
    const std::filesystem::path folder = SORAGRAD_SOURCE_DIR "/tests/golden/parquet";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with(kind) || !name.ends_with(".parquet")) continue;
      CAPTURE(name);
      const auto expected = open_table(folder / (std::string(kind) + ".jsonl"));
      const auto found = open_table(entry.path());
      REQUIRE(found->columns().size() == expected->columns().size());
      std::vector<size_t> all;
      for (size_t i = 0; i < found->columns().size(); ++i) all.push_back(i);
      const auto a = expected->read(all), b = found->read(all);
      REQUIRE(found->rows() == expected->rows());
      for (const size_t i : all) {
        CHECK(found->columns()[i] == expected->columns()[i]);
        for (size_t row = 0; row < a[i].cells.size(); ++row) {
          check_equal(a[i].cells[row], b[i].cells[row]);
        }
      }
      ++files;
    }
  }
  CHECK(files == 12);
}

TEST_CASE("parquet: 60 damaged files are read or refused in one line") {
  int refused = 0;
  const std::vector<ParquetOptions> options = all_options();
  for (size_t i = 0; i < 60; ++i) {
    std::string bytes = test::parquet_bytes(sample(), options[i % options.size()]);
    // Half of the faults are in the footer, where every number has a meaning.
    const size_t from = i % 2 == 0 ? 4 : bytes.size() * 2 / 3;
    bytes[from + i * 131 % (bytes.size() - from)] ^= static_cast<char>(1 + i * 37 % 255);
    if (i % 10 == 9) bytes.resize(bytes.size() * i / 60);
    const std::string message = message_of([&] {
      const auto table = read_table("a.parquet", bytes);
      std::vector<size_t> wanted;
      for (size_t column = 0; column < table->columns().size(); ++column) {
        if (table->is_readable(column)) wanted.push_back(column);
      }
      table->read(wanted);
    });
    refused += !message.empty();
    CHECK(message.find('\n') == message.npos);
    CHECK(message.size() < 500);
    if (!message.empty()) CHECK(contains(message, "a.parquet"));
  }
  CHECK(refused > 20);
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
