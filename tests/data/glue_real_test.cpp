// GLUE's real files and the released code's splits of them, where the shared data is present.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "data/split.h"
#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

// The path of a shared file, or nothing after printing SKIPPED.
std::optional<std::filesystem::path> shared_or_skip(std::string_view name) {
  auto path = shared_path(name);
  if (!path) MESSAGE("SKIPPED: no " << std::string(name) << " among the shared files");
  return path;
}

struct Count {
  const char* task;
  const char* file;
  int64_t rows;
  int64_t dropped;
  bool labelled;
};

}  // namespace

// GLUE's own counts; the extra files' are those of their sources.
TEST_CASE("real glue: every file has the rows it should") {
  const auto glue = shared_or_skip("data/glue");
  if (!glue) return;
  const Count counts[] = {{"cola", "CoLA/train.tsv", 8551, 0, true},
                          {"cola", "CoLA/dev.tsv", 1043, 0, true},
                          {"cola", "CoLA/dev_in_domain.tsv", 527, 0, true},
                          {"cola", "CoLA/dev_out_of_domain.tsv", 516, 0, true},
                          {"cola", "CoLA/test_unlabeled.tsv", 1063, 0, false},
                          {"sst2", "SST-2/train.tsv", 67349, 0, true},
                          {"sst2", "SST-2/dev.tsv", 872, 0, true},
                          {"sst2", "SST-2/test_labeled_sst.tsv", 1821, 0, true},
                          {"sst2", "SST-2/test_unlabeled.tsv", 1821, 0, false},
                          {"mrpc", "MRPC/train.tsv", 3668, 0, true},
                          {"mrpc", "MRPC/dev.tsv", 408, 0, true},
                          {"mrpc", "MRPC/test.tsv", 1725, 0, false},
                          {"mrpc", "MRPC/msr_paraphrase_train.txt", 4076, 0, true},
                          {"mrpc", "MRPC/msr_paraphrase_test.txt", 1725, 0, true},
                          {"stsb", "STS-B/train.tsv", 5749, 0, true},
                          {"stsb", "STS-B/dev.tsv", 1500, 0, true},
                          {"stsb", "STS-B/test.tsv", 1379, 0, false},
                          {"qnli", "QNLI/dev.tsv", 5463, 0, true},
                          {"qnli", "QNLI/test.tsv", 5463, 0, false},
                          {"rte", "RTE/train.tsv", 2490, 0, true},
                          {"rte", "RTE/dev.tsv", 277, 0, true},
                          {"rte", "RTE/test.tsv", 3000, 0, false},
                          {"wnli", "WNLI/train.tsv", 635, 0, true},
                          {"wnli", "WNLI/dev.tsv", 71, 0, true},
                          {"wnli", "WNLI/test.tsv", 146, 0, false},
                          {"qqp", "QQP_partial/dev_partial.tsv", 23496, 0, true}};
  for (const Count& count : counts) {
    CAPTURE(count.file);
    const Dataset dataset = load_glue_file(find_task(count.task), *glue / count.file);
    CHECK(dataset.size() == count.rows);
    CHECK(dataset.dropped == count.dropped);
    CHECK(dataset.labelled == count.labelled);
  }
}

TEST_CASE("real glue: MRPC parted from its original file is MRPC's train and dev") {
  const auto folder = shared_or_skip("data/glue/MRPC");
  if (!folder) return;
  const Task& mrpc = find_task("mrpc");
  for (const bool dev : {false, true}) {
    const Dataset expected = load_glue_file(mrpc, *folder / (dev ? "dev.tsv" : "train.tsv"));
    const Dataset parted = load_glue_file(mrpc, {.path = *folder / "msr_paraphrase_train.txt",
                                                 .dev_ids = *folder / "dev_ids.tsv",
                                                 .dev = dev});
    REQUIRE(parted.size() == expected.size());
    bool equal = true;
    for (int64_t i = 0; i < parted.size(); ++i) {
      equal = equal && parted.rows[i].text_a == expected.rows[i].text_a &&
              parted.rows[i].text_b == expected.rows[i].text_b &&
              parted.rows[i].label == expected.rows[i].label;
    }
    CHECK(equal);
  }
}

TEST_CASE("real glue: paper's splits hold the rows the released code picks") {
  const auto glue = shared_or_skip("data/glue");
  if (!glue) return;
  for (const char* name : {"cola", "mrpc", "rte", "stsb", "wnli", "sst2"}) {
    CAPTURE(name);
    const auto path = shared_or_skip(fmt::format("data/glue/sora_split_seed42/{}.json", name));
    if (!path) continue;
    const auto expected = nlohmann::json::parse(read_text(*path));
    const Task& task = find_task(name);
    const GlueFiles files = find_glue_files(task, *glue);
    const bool from_train = expected["source"] == "official train";
    const Dataset source = load_glue_file(task, from_train ? files.train : files.validation);
    REQUIRE(source.size() == expected["n"].get<int64_t>());
    for (const char* split : {"validation", "test"}) {
      if (!expected.contains(split) || !expected[split].is_array()) continue;
      const auto indices = expected[split].get<std::vector<int64_t>>();
      const auto sets = load_split(task, Protocol::paper, files, parse_split(split));
      REQUIRE(sets.size() == 1);
      const Dataset& dataset = sets[0].dataset;
      REQUIRE(dataset.rows.size() == indices.size());
      bool equal = true;
      for (size_t i = 0; i < indices.size(); ++i) {
        equal = equal && dataset.rows[i].text_a == source.rows[indices[i]].text_a &&
                dataset.rows[i].text_b == source.rows[indices[i]].text_b &&
                dataset.rows[i].index == indices[i];
      }
      CHECK(equal);
    }
  }
}

TEST_CASE("real glue: the fixtures' files lose no row") {
  const auto data = shared_or_skip("fixtures/data");
  if (!data) return;
  const std::pair<const char*, std::vector<int64_t>> counts[] = {
      {"cola", {62, 46}}, {"rte", {62, 46}}, {"stsb", {62, 46}}, {"mnli", {60, 48, 45}}};
  for (const auto& [name, expected] : counts) {
    CAPTURE(name);
    const Task& task = find_task(name);
    std::vector<int64_t> sizes;
    for (const Split split : {Split::train, Split::validation}) {
      for (const NamedDataset& set :
           load_split(task, Protocol::glue, find_glue_files(task, *data), split)) {
        sizes.push_back(set.dataset.size());
        CHECK(set.dataset.dropped == 0);
      }
    }
    CHECK(sizes == expected);
  }
}

// SPDX-License-Identifier: Apache-2.0
