// What runs of a grid cost, and their order.
#include "train/grid/run_cost.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/train/tiny_run.h"

using namespace soragrad;
using namespace soragrad::test;
using namespace soragrad::train;

namespace {

// Two tasks of the same rows, one trained three times as long, and a method that costs more.
Recipe recipe_of(const TinyFolder& tiny) {
  const std::string path = tiny.write(
      "recipe.yaml", fmt::format("output: {}/out\nseeds: [1, 2]\n"
                                 "common: {{model: {}/model, data: {}, max_steps: 10}}\n"
                                 "methods: {{lora: {{}}, full: {{}}}}\n"
                                 "tasks: {{cola: {{}}}}\ncells: {{cola/lora: {{max_steps: 30}}}}\n",
                                 tiny.path().string(), tiny.path().string(), tiny.path().string()));
  return read_recipe(path);
}

}  // namespace

TEST_CASE("run_cost: rows of a file are told from its size and its first lines") {
  const TemporaryFolder root;
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "a line of some words\n";
  const FileRows rows = estimate_rows(root.write("train.tsv", text));
  CHECK(rows.rows == doctest::Approx(20000).epsilon(0.01));
  CHECK(rows.bytes_of_row == doctest::Approx(21).epsilon(0.01));
  CHECK(estimate_rows((root / "missing").string()).rows == 0);
  CHECK(estimate_rows(root.write("empty", "")).rows == 0);
}

TEST_CASE("run_cost: steps, rows and the method's work decide the order") {
  const TinyFolder tiny;
  const Recipe recipe = recipe_of(tiny);
  const std::vector<GridRun> runs = runs_of(recipe);  // lora 1, lora 2, full 1, full 2
  const RunCosts costs(recipe, runs);
  CHECK(costs.seconds(0) > costs.seconds(2));
  CHECK(costs.seconds(2) > costs.seconds(0) / 3);  // full has half as much work again a token
  CHECK(costs.costliest_first() == std::vector<size_t>{0, 1, 2, 3});
  CHECK_FALSE(costs.is_measured(0));
}

TEST_CASE("run_cost: finished runs correct the estimate, their own cell's first") {
  const TinyFolder tiny;
  const Recipe recipe = recipe_of(tiny);
  tiny.write("out/cola-full-1/results.json", R"({"seconds": 500})");
  const std::vector<GridRun> runs = runs_of(recipe);
  const RunCosts costs(recipe, runs);
  CHECK(costs.seconds(3) == doctest::Approx(500));
  CHECK(costs.is_measured(3));
  CHECK(costs.seconds(1) > 500);  // by the mean of all
  tiny.write("out/cola-lora-1/results.json", R"({"seconds": 20})");
  const RunCosts later(recipe, runs);
  CHECK(later.seconds(1) == doctest::Approx(20));
  CHECK(later.costliest_first() == std::vector<size_t>{2, 3, 0, 1});
}

// SPDX-License-Identifier: Apache-2.0
