#include "data/glue_folder.h"

#include <doctest/doctest.h>

#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

TEST_CASE("glue folder: a GLUE root and the task's own folder give the same files") {
  const TemporaryFolder folder;
  const std::string train = folder.write("RTE/train.tsv", "x");
  const std::string dev = folder.write("RTE/dev.tsv", "x");
  for (const auto& data : {folder.path(), folder / "RTE"}) {
    const GlueFiles files = find_glue_files(find_task("rte"), data);
    CHECK(files.train.path == train);
    CHECK(files.validation.path == dev);
    CHECK_FALSE(files.test);
    CHECK_FALSE(files.validation_mm);
  }
}

TEST_CASE("glue folder: mnli has a matched and a mismatched half") {
  const TemporaryFolder folder;
  for (const char* name :
       {"train", "dev_matched", "dev_mismatched", "test_matched", "test_mismatched"}) {
    folder.write(fmt::format("MNLI/{}.tsv", name), "x");
  }
  const Task& mnli = find_task("mnli");
  GlueFiles files = find_glue_files(mnli, folder.path());
  CHECK(files.validation.path == folder / "MNLI/dev_matched.tsv");
  CHECK(files.validation_mm.path == folder / "MNLI/dev_mismatched.tsv");
  CHECK(files.test.path == folder / "MNLI/test_matched.tsv");
  CHECK(files.test_mm.path == folder / "MNLI/test_mismatched.tsv");
  files = find_glue_files(mnli, folder.path(), {.validation_file = "mine.tsv"});
  CHECK(files.validation.path == "mine.tsv");
  CHECK_FALSE(files.validation_mm);
  CHECK(files.test_mm.path == folder / "MNLI/test_mismatched.tsv");
}

TEST_CASE("glue folder: overrides replace files, and may stand without a folder") {
  const TemporaryFolder folder;
  folder.write("train.tsv", "x");
  const Task& cola = find_task("cola");
  GlueFiles files = find_glue_files(cola, folder.path(), {.train_file = "mine.tsv"});
  CHECK(files.train.path == "mine.tsv");
  CHECK_FALSE(files.own_test);
  files = find_glue_files(cola, "", {.validation_file = "dev", .test_file = "test"});
  CHECK_FALSE(files.train);
  CHECK(files.validation.path == "dev");
  CHECK(files.own_test);
  CHECK(message_of([&] { find_glue_files(cola, folder / "none"); }) ==
        "[data] " + (folder / "none").string() +
            ": no such folder; name the folder of the data by data=DIR (train) or --data DIR.");
  const std::string file = folder.write("rows.csv", "text,label\n");
  CHECK(message_of([&] { find_glue_files(cola, file); }) ==
        "[data] " + file +
            " is a file; cola is read from a folder of GLUE's files. Rows of your own are "
            "task=custom train_file=FILE.");
}

TEST_CASE("glue folder: MRPC's original files stand in for train.tsv and dev.tsv") {
  const TemporaryFolder folder;
  const Task& mrpc = find_task("mrpc");
  const std::string original = folder.write("msr_paraphrase_train.txt", "x");
  CHECK_THROWS_AS(find_glue_files(mrpc, folder.path()), Error);
  const std::string ids = folder.write("mrpc_dev_ids.tsv", "x");
  GlueFiles files = find_glue_files(mrpc, folder.path());
  CHECK(files.train.path == original);
  CHECK(files.train.dev_ids == ids);
  CHECK_FALSE(files.train.dev);
  CHECK(files.validation.path == original);
  CHECK(files.validation.dev);
  const std::string train = folder.write("train.tsv", "x");
  files = find_glue_files(mrpc, folder.path());
  CHECK(files.train.path == train);
  CHECK(files.train.dev_ids.empty());
}

TEST_CASE("glue folder: ax is found as GLUE's download names it") {
  const TemporaryFolder folder;
  const std::string file = folder.write("diagnostic/diagnostic.tsv", "x");
  CHECK(find_glue_files(find_task("ax"), folder.path()).test.path == file);
  const std::string beside = folder.write("AX/AX.tsv", "x");
  CHECK(find_glue_files(find_task("ax"), folder.path()).test.path == beside);
}

// SPDX-License-Identifier: Apache-2.0
