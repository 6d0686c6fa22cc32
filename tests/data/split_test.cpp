// The splits of the protocols, on made-up files: row i of train is "train i", row i of dev "dev i".
#include "data/split.h"

#include <doctest/doctest.h>

#include "data/permutation.h"
#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

std::string rows(std::string_view name, int64_t count) {
  std::string text =
      name == "test" ? "index\tsentence1\tsentence2\n" : "index\tsentence1\tsentence2\tlabel\n";
  for (int64_t i = 0; i < count; ++i) {
    text += fmt::format("{}\t{} {}\tx{}\n", i, name, i, name == "test" ? "" : "\t1");
  }
  return text;
}

void write_sst2(const TemporaryFolder& folder, int64_t train, int64_t dev) {
  for (const auto& [name, count] : {std::pair{"train", train}, std::pair{"dev", dev}}) {
    std::string text = "sentence\tlabel\n";
    for (int64_t i = 0; i < count; ++i) text += fmt::format("{} {}\t1\n", name, i);
    folder.write(fmt::format("SST-2/{}.tsv", name), text);
  }
}

// The data set as "name: text of row 0, text of row 1, ...".
std::string shown(const NamedDataset& set) {
  std::string text = set.name + ":";
  for (const Example& row : set.dataset.rows) text += " " + row.text_a + ",";
  return text;
}

std::vector<NamedDataset> load(const char* task, Protocol protocol, const TemporaryFolder& folder,
                               Split split) {
  const Task& glue_task = find_task(task);
  return load_split(glue_task, protocol, find_glue_files(glue_task, folder.path()), split);
}

}  // namespace

TEST_CASE("split: glue and adalora take the official files") {
  const TemporaryFolder folder;
  folder.write("RTE/train.tsv", rows("train", 2));
  folder.write("RTE/dev.tsv", rows("dev", 2));
  for (const Protocol protocol : {Protocol::glue, Protocol::adalora}) {
    CHECK(load("rte", protocol, folder, Split::test).empty());
    const auto train = load("rte", protocol, folder, Split::train);
    REQUIRE(train.size() == 1);
    CHECK(shown(train[0]) == "train: train 0, train 1,");
    const auto validation = load("rte", protocol, folder, Split::validation);
    REQUIRE(validation.size() == 1);
    CHECK(shown(validation[0]) == "validation: dev 0, dev 1,");
  }
  folder.write("RTE/test.tsv", rows("test", 1));
  const auto test = load("rte", Protocol::glue, folder, Split::test);
  REQUIRE(test.size() == 1);
  CHECK(shown(test[0]) == "test: test 0,");
  CHECK_FALSE(test[0].dataset.labelled);
}

TEST_CASE("split: paper halves dev in the order of the seed-42 permutation") {
  const TemporaryFolder folder;
  folder.write("RTE/train.tsv", rows("train", 2));
  folder.write("RTE/dev.tsv", rows("dev", 7));
  folder.write("RTE/test.tsv", rows("test", 1));
  // randperm(7) is 1 6 3 5 4 0 2.
  const auto validation = load("rte", Protocol::paper, folder, Split::validation);
  REQUIRE(validation.size() == 1);
  CHECK(shown(validation[0]) == "validation: dev 1, dev 6, dev 3,");
  const auto test = load("rte", Protocol::paper, folder, Split::test);
  REQUIRE(test.size() == 1);
  CHECK(shown(test[0]) == "test: dev 5, dev 4, dev 0, dev 2,");
  CHECK(test[0].dataset.labelled);
  const auto train = load("rte", Protocol::paper, folder, Split::train);
  REQUIRE(train.size() == 1);
  CHECK(shown(train[0]) == "train: train 0, train 1,");
}

TEST_CASE("split: paper halves both of mnli's dev sets") {
  const TemporaryFolder folder;
  for (const auto& [name, count] : {std::pair{"matched", 7}, std::pair{"mismatched", 10}}) {
    std::string text = rows("dev", count);
    text.replace(text.find("label"), 5, "gold_label");
    folder.write(fmt::format("MNLI/dev_{}.tsv", name), text);
  }
  const auto validation = load("mnli", Protocol::paper, folder, Split::validation);
  REQUIRE(validation.size() == 2);
  CHECK(shown(validation[0]) == "validation: dev 1, dev 6, dev 3,");
  CHECK(shown(validation[1]) == "validation_mm: dev 2, dev 6, dev 1, dev 8, dev 4,");
  const auto test = load("mnli", Protocol::paper, folder, Split::test);
  REQUIRE(test.size() == 2);
  CHECK(test[1].name == "test_mm");
  CHECK(test[1].dataset.size() == 5);
}

TEST_CASE("split: paper takes 1000 rows of a large train set for validation, dev is test") {
  const TemporaryFolder folder;
  write_sst2(folder, 1010, 3);
  const std::vector<int64_t> order = torch_randperm(1010, 42);
  const auto validation = load("sst2", Protocol::paper, folder, Split::validation);
  REQUIRE(validation.size() == 1);
  REQUIRE(validation[0].dataset.size() == 1000);
  const auto train = load("sst2", Protocol::paper, folder, Split::train);
  REQUIRE(train.size() == 1);
  REQUIRE(train[0].dataset.size() == 10);
  for (int64_t i = 0; i < 1010; ++i) {
    const auto& from = i < 1000 ? validation[0].dataset : train[0].dataset;
    REQUIRE(from.rows[i % 1000].text_a == fmt::format("train {}", order[i]));
  }
  const auto test = load("sst2", Protocol::paper, folder, Split::test);
  REQUIRE(test.size() == 1);
  CHECK(shown(test[0]) == "test: dev 0, dev 1, dev 2,");

  write_sst2(folder, 1000, 3);
  CHECK_THROWS_AS(load("sst2", Protocol::paper, folder, Split::train), Error);
}

TEST_CASE("split: what is not there, or would not be used, is an error that says so") {
  const TemporaryFolder folder;
  CHECK(message_of([&] { load("rte", Protocol::glue, folder, Split::train); }) ==
        "[rte] no train data: none of train.tsv in " + folder.path().string() +
            "; set `data` or `train_file`.");
  CHECK(message_of([&] { load("ax", Protocol::glue, folder, Split::train); }) ==
        "[ax] this task has no train data.");
  const Task& rte = find_task("rte");
  CHECK_THROWS_AS(
      load_split(rte, Protocol::paper,
                 find_glue_files(rte, folder.path(), {.test_file = "mine.tsv"}), Split::test),
      Error);
  folder.write("dev.tsv", rows("dev", 1));
  CHECK_THROWS_AS(load("rte", Protocol::paper, folder, Split::validation), Error);
}

TEST_CASE("split: ax is read as it is under every protocol") {
  const TemporaryFolder folder;
  folder.write("AX.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tneutral\n");
  for (const Protocol protocol : {Protocol::glue, Protocol::paper, Protocol::adalora}) {
    const auto sets = load("ax", protocol, folder, Split::test);
    REQUIRE(sets.size() == 1);
    CHECK(sets[0].dataset.rows.at(0).label == 1);
  }
}

TEST_CASE("split: names and selection metrics") {
  CHECK(parse_protocol("paper") == Protocol::paper);
  CHECK(parse_split("test") == Split::test);
  CHECK_THROWS_AS(parse_protocol("sora"), UsageError);
  CHECK(message_of([] { parse_split("dev"); }) ==
        "[split] unknown split dev; known are train, validation, test.");
  CHECK(selection_metric(find_task("mrpc"), Protocol::paper) == "f1");
  CHECK(selection_metric(find_task("mrpc"), Protocol::adalora) == "accuracy");
  CHECK(selection_metric(find_task("qqp"), Protocol::paper) == "accuracy");
  CHECK(selection_metric(find_task("stsb"), Protocol::paper) == "pearson");
  CHECK(selection_metric(find_task("cola"), Protocol::glue) == "matthews_correlation");
}

// SPDX-License-Identifier: Apache-2.0
