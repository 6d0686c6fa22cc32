#include "data/submission.h"

#include <doctest/doctest.h>

#include <initializer_list>

#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

std::vector<Example> numbered(std::initializer_list<int64_t> indices) {
  std::vector<Example> rows;
  for (const int64_t index : indices) rows.push_back({.index = index});
  return rows;
}

}  // namespace

TEST_CASE("submission: mnli, qnli, rte and ax write names, the others numbers") {
  const std::vector<float> two{0, 1, 1, 0};
  const std::vector<float> three{0, 1, 0, 0, 0, 1};
  const auto rows = numbered({0, 7});
  CHECK(submission_text(find_task("rte"), two, rows) ==
        "index\tprediction\n0\tnot_entailment\n7\tentailment\n");
  for (const char* name : {"cola", "sst2", "mrpc", "qqp", "wnli"}) {
    CHECK(submission_text(find_task(name), two, rows) == "index\tprediction\n0\t1\n7\t0\n");
  }
  for (const char* name : {"mnli", "ax"}) {
    CHECK(submission_text(find_task(name), three, rows) ==
          "index\tprediction\n0\tneutral\n7\tcontradiction\n");
  }
}

TEST_CASE("submission: stsb writes three decimals") {
  CHECK(submission_text(find_task("stsb"), std::vector<float>{4.99951f, -0.25f, 3.f},
                        numbered({0, 1, 2})) ==
        "index\tprediction\n0\t5.000\n1\t-0.250\n2\t3.000\n");
}

TEST_CASE("submission: it lands in the file, and logits that do not fit are an error") {
  const TemporaryFolder folder;
  const Task& rte = find_task("rte");
  write_submission(folder / "RTE.tsv", rte, std::vector<float>{2, 1}, numbered({3}));
  CHECK(read_text(folder / "RTE.tsv") == "index\tprediction\n3\tentailment\n");
  CHECK_THROWS_AS(submission_text(rte, std::vector<float>{1, 2, 3}, numbered({0})), Error);
}

// SPDX-License-Identifier: Apache-2.0
