#include "data/source_scores.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::data;

namespace {

Dataset load(const test::TemporaryFolder& folder, const std::string& rows) {
  folder.write("dev.tsv", rows);
  return load_glue_file(find_task("cola"), (folder / "dev.tsv").string());
}

}  // namespace

TEST_CASE("source scores: rows are counted under the name in their file's first column") {
  const test::TemporaryFolder folder;
  Dataset rows = load(folder,
                      "island\t1\t\tWhom did the king praise?\n"
                      "island\t0\t*\n"  // no sentence: dropped
                      "island\t0\t*\tWhom did the king praise the cook and?\n"
                      "agreement\t1\t\tThe kings sleep.\n");
  REQUIRE(rows.size() == 3);
  CHECK(sources_of(rows) == std::vector<std::string>{"island", "island", "agreement"});
  std::ranges::reverse(rows.rows);                     // as a split by protocol orders them anew
  const std::vector<float> logits{2, -1, 0, 1, 0, 1};  // unacceptable, acceptable, acceptable
  const std::vector<SourceScore> scores = scores_by_source(rows, logits);
  REQUIRE(scores.size() == 2);
  CHECK(scores[0].source == "agreement");
  CHECK(scores[0].rows == 1);
  CHECK(scores[0].right == 0);
  CHECK(scores[1].source == "island");
  CHECK(scores[1].rows == 2);
  CHECK(scores[1].right == 1);
}

TEST_CASE("source scores: none for one source, for more than a hundred, or for files without") {
  const test::TemporaryFolder folder;
  const std::vector<float> logits(202, 0.5f);
  const auto scores = [&](int sources) {
    std::string rows;
    for (int i = 0; i < 101; ++i) rows += std::to_string(i % sources) + "\t1\t\tA row.\n";
    return scores_by_source(load(folder, rows), logits).size();
  };
  CHECK(scores(1) == 0);
  CHECK(scores(2) == 2);
  CHECK(scores(100) == 100);
  CHECK(scores(101) == 0);
  CHECK(sources_of(load(folder, "index\tsentence\n0\tA row.\n")).empty());
}

// SPDX-License-Identifier: Apache-2.0
