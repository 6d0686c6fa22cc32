// Which files of a folder are own data.
#include "data/custom/folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "tests/files.h"

using namespace soragrad;
using test::contains;

namespace {

struct DataFolder : test::TemporaryFolder {
  explicit DataFolder(std::initializer_list<const char*> names) {
    for (const char* name : names) write(name, "");
  }
  std::vector<std::string> train() const {
    std::vector<std::string> names = data::find_custom_files(path()).train;
    for (std::string& name : names) name = std::filesystem::path(name).filename();
    return names;
  }
  std::string refusal() const {
    return test::message_of([&] { data::find_custom_files(path()); });
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("folder: one file of a part, or all shards of it, in any case of the extension") {
  CHECK(DataFolder({"train.CSV", "notes.md"}).train() == Names{"train.CSV"});
  CHECK(DataFolder({"train-00001-of-00002.parquet", "train-00000-of-00002.parquet"}).train() ==
        Names{"train-00000-of-00002.parquet", "train-00001-of-00002.parquet"});
  CHECK(DataFolder({"train-00000-of-00001-a1b2c3.parquet"}).train().size() == 1);
  CHECK(contains(DataFolder({"train.csv", "train.tsv"}).refusal(),
                 "train.csv, train.tsv are all train files; name one by train_file."));
  CHECK(contains(DataFolder({"trains.csv"}).refusal(), "has no train.csv"));
}

TEST_CASE("folder: shards that are missing, there twice or of another set are refused") {
  CHECK(contains(DataFolder({"train-00000-of-00002.parquet"}).refusal(),
                 "has 1 of the 2 files train-*-of-00002.parquet: train-00000-of-00002.parquet; "
                 "train-00001-of-00002 is missing."));
  CHECK(contains(
      DataFolder({"train-00000-of-00002.parquet", "train-00001-of-00003.parquet"}).refusal(),
      "are parts of "));
  CHECK(contains(
      DataFolder({"train-00000-of-00001-a.parquet", "train-00000-of-00001-b.parquet"}).refusal(),
      "part 0 of 1 is there twice"));
  CHECK(contains(DataFolder({"train-00002-of-00002.parquet"}).refusal(), "part 2 of 2 is none"));
  CHECK(contains(DataFolder({"train.csv", "dev-00001-of-00002.parquet"}).refusal(),
                 "dev-00000-of-00002 is missing. Add what is missing, or name the files by "
                 "validation_file."));
}

// SPDX-License-Identifier: Apache-2.0
