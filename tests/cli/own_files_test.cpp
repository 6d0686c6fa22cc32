// What the files of a run of own data may be: their columns, their scores, and naming them.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/data.h"
#include "tests/cli/own_run.h"

using namespace soragrad;
using namespace soragrad::test;

namespace {

using Json = nlohmann::json;

}  // namespace

TEST_CASE("own data: files that name their columns differently evaluate, predict and resume") {
  const TinyFolder tiny;
  tiny.write("own.csv", "text,label\na cat,x\na dog,y\nthe cat,x\nold dog,y\n");
  tiny.write("dev.csv", "sentence,target\nthe old cat,x\na bird,y\n");
  const std::string dev = "validation_file=" + tiny.run("dev.csv");
  REQUIRE(train_own(tiny, "run", {"max_steps=2", "save_steps=1", dev}) == 0);
  const std::string config = read_text(tiny / "run/config.yaml");
  CHECK(contains(config, "\ntext_column: auto\n"));
  CHECK(contains(config, "\nlabel_column: auto\n"));
  cli::EvalOptions options = of_run(tiny, "run", "out.tsv");
  CHECK(cli::eval_main(options) == 0);
  options.input = tiny.run("dev.csv");
  CHECK(cli::predict_main(options) == 0);
  CHECK(cli::train_main({.resume = tiny.run("run"), .arguments = {"max_steps=3"}}) == 0);

  // Earlier versions wrote down the names of the first file.
  REQUIRE(train_own(tiny, "old", {"max_steps=1", "save_steps=1", dev}) == 0);
  std::string old = read_text(tiny / "old/config.yaml");
  old.replace(old.find("text_column: auto"), 17, "text_column: text");
  old.replace(old.find("label_column: auto"), 18, "label_column: label");
  tiny.write("old/config.yaml", old);
  options = of_run(tiny, "old", "out.tsv");
  CHECK(cli::eval_main(options) == 0);
  options.keys = {"text_column=text"};
  CHECK(contains(message_of([&] { cli::eval_main(options); }), "dev.csv] text_column is \"text\""));
  options.keys = {"text_column=auto"};
  options.input = tiny.run("dev.csv");
  CHECK(cli::predict_main(options) == 0);
}

TEST_CASE("own data: one name in all files is written down, so that other files are read alike") {
  const TinyFolder tiny;
  tiny.write("own.csv", "text,label\na cat,x\na dog,y\nthe cat,x\nold dog,y\n");
  REQUIRE(train_own(tiny, "run", {"max_steps=1"}) == 0);
  const std::string config = read_text(tiny / "run/config.yaml");
  CHECK(contains(config, "\ntext_column: text\n"));
  CHECK(contains(config, "\ntext_pair_column: none\n"));
  CHECK(contains(config, "\nlabel_column: label\n"));
}

TEST_CASE("own data: scores that differ by less than 32 bits tell are told apart") {
  const TinyFolder tiny;
  std::string text = "text,score\n";
  constexpr const char* kTexts[] = {"a cat", "the old dog", "bird runs", "the cat sees a dog"};
  for (int row = 0; row < 20; ++row)
    text += fmt::format("{},{}.5\n", kTexts[row % 4], 1700000000 + row);
  tiny.write("own.csv", text + "a,-1.96\n");
  REQUIRE(train_own(tiny, "run", {"max_steps=1", "k_folds=3"}) == 0);
  const std::string folds = read_text(tiny / "run/fold_predictions.tsv");
  CHECK(contains(folds, ".5\t"));
  CHECK_FALSE(contains(folds, "e+09\t"));

  tiny.write("own.csv", text);
  REQUIRE(train_own(tiny, "large", {"max_steps=1", "k_folds=2"}) == 0);
  const Json results = Json::parse(read_text(tiny / "large/results.json"));
  CHECK(results["validation"]["pearson"].is_number());
  const Json& baseline = results["majority_baseline"]["validation"];
  CHECK(baseline["mae"].get<double>() > 1);
  CHECK(baseline["mae"].get<double>() < 10);
}

TEST_CASE("own data: files of train are named once") {
  CHECK(contains(message_of([] {
                   cli::data_main({.words = {"a.csv", "train_file=b.csv"}});
                 }),
                 "a.csv and train_file=b.csv both name the files of train"));
}

// SPDX-License-Identifier: Apache-2.0
