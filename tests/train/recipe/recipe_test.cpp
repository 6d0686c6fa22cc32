#include "train/recipe/recipe.h"

#include <doctest/doctest.h>

#include "tests/files.h"

namespace soragrad::train {
namespace {

struct RecipeFile : test::TemporaryFolder {
  // A recipe of own data whose task has these lines, four blanks deep.
  Recipe read(const std::string& task) const {
    return read_recipe(write("r.yaml",
                             "output: runs\nseeds: [1]\ncommon: {model: m}\nmethods: {lora: }\n"
                             "tasks:\n  own:\n    task: custom\n    train_file: a.csv\n" +
                                 task));
  }
  Config config(const std::string& task) const {
    const Recipe recipe = read(task);
    return config_of(recipe, runs_of(recipe).at(0));
  }
};

}  // namespace

TEST_CASE("recipe: class_weights may be a block, a flow or a text") {
  const RecipeFile file;
  const std::string flow = file.config("    class_weights: {good: 2, bad: 0.5}\n").class_weights;
  CHECK(flow == "{good: 2, bad: 0.5}");
  CHECK(file.config("    class_weights:\n      good: 2\n      bad: 0.5\n").class_weights == flow);
  CHECK(file.config("    class_weights: \"{good: 2, bad: 0.5}\"\n").class_weights == flow);
  CHECK(file.config("    class_weights: balanced\n").class_weights == "balanced");
}

TEST_CASE("recipe: names in a list may hold commas") {
  const RecipeFile file;
  const Config config = file.config("    labels: [\"yes, please\", no]\n");
  CHECK(config.custom.labels == std::vector<std::string>{"yes, please", "no"});
}

TEST_CASE("recipe: a nested value of another key is refused by file and line") {
  const RecipeFile file;
  const std::string message = test::message_of([&] { file.read("    learning_rate: {a: 1}\n"); });
  CHECK(test::contains(message, "r.yaml:9] the value of \"learning_rate\" is nested"));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
