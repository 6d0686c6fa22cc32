// The join of what the runs of all folds predicted.
#include "train/loop/fold_predictions.h"

#include <doctest/doctest.h>

#include "tests/files.h"

using namespace soragrad;

TEST_CASE("out-of-fold predictions: lines of all folds in the order of files and rows") {
  const test::TemporaryFolder folder;
  const std::string header = "fold\tfile\trow\tanswer\tid\tlabel\tprobability\tx\ty\n";
  folder.write("a/fold_predictions.tsv",
               header + "0\t0\t10\tx\t9\tx\t0.5\t0.5\t0.5\n0\t1\t1\ty\t0\ty\t0.5\t0.5\t0.5\n");
  folder.write("b/fold_predictions.tsv", header + "1\t0\t9\ty\t8\tx\t0.5\t0.5\t0.5\n");
  const std::vector<std::string> runs = {folder / "a", folder / "b"};
  CHECK(train::joined_predictions(runs) == header +
                                               "1\t0\t9\ty\t8\tx\t0.5\t0.5\t0.5\n"
                                               "0\t0\t10\tx\t9\tx\t0.5\t0.5\t0.5\n"
                                               "0\t1\t1\ty\t0\ty\t0.5\t0.5\t0.5\n");
  folder.write("b/fold_predictions.tsv", "fold\tfile\trow\tanswer\tid\tlabel\n1\t0\t9\t2\t8\t2\n");
  CHECK(
      test::contains(test::message_of([&] { train::joined_predictions(runs); }), "other columns"));
  folder.write("b/fold_predictions.tsv", header + "one\t0\t9\n");
  CHECK(
      test::contains(test::message_of([&] { train::joined_predictions(runs); }), "does not begin"));
}

// SPDX-License-Identifier: Apache-2.0
