// Recipes and the tables made of finished runs.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "core/error.h"
#include "train/recipe.h"
#include "train/score_table.h"

using namespace soragrad;
using namespace soragrad::train;
namespace fs = std::filesystem;

namespace {

struct Grid {
  fs::path path;
  Grid() {
    std::string name = (fs::temp_directory_path() / "soragrad_XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Grid() { fs::remove_all(path); }

  std::string write(const std::string& text) const {
    std::ofstream(path / "recipe.yaml") << text;
    return (path / "recipe.yaml").string();
  }
  std::string complete() const {
    return write(
        fmt::format("output: {}\nseeds: [1, 2]\n"
                    "common: {{model: m, data: d, protocol: paper}}\n"
                    "methods: {{sora-r4: {{method: sora, r: 4}}, lora: {{}}}}\n"
                    "tasks: {{qqp: {{num_train_epochs: 3}}, rte: {{}}}}\n"
                    "cells: {{rte/lora: {{learning_rate: 1.2e-3}}}}\n",
                    (path / "runs").string()));
  }
  void finish(const std::string& run, const std::string& json) const {
    fs::create_directories(path / "runs" / run);
    std::ofstream(path / "runs" / run / "results.json") << json;
  }
};

}  // namespace

TEST_CASE("recipe: common, method, task and cell decide in this order") {
  const Grid grid;
  const Recipe recipe = read_recipe(grid.complete());
  const std::vector<GridRun> runs = runs_of(recipe);
  REQUIRE(runs.size() == 8);
  const Config first = config_of(recipe, runs[0]);
  CHECK(first.task == "qqp");
  CHECK(first.method.method == "sora");
  CHECK(first.method.r == 4);
  CHECK(first.num_train_epochs == 3);
  CHECK(first.seed == 1);
  const Config last = config_of(recipe, runs[7]);
  CHECK(last.method.method == "lora");
  CHECK(last.learning_rate == 1.2e-3);
  CHECK(last.seed == 2);
  CHECK_FALSE(last.method.train_head);
}

TEST_CASE("recipe: shards part the runs among them") {
  std::set<size_t> seen;
  for (const char* text : {"1/3", "2/3", "3/3"}) {
    const Shard shard = parse_shard(text);
    for (size_t run = 0; run < 10; ++run) {
      if (shard.has(run)) CHECK(seen.insert(run).second);
    }
  }
  CHECK(seen.size() == 10);
  for (const char* text : {"0/3", "4/3", "1", "1/", "a/b", "1/3x", ""}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_shard(text), UsageError);
  }
}

TEST_CASE("recipe: mistakes are named with their line") {
  const Grid grid;
  struct Row {
    const char *text, *part;
  };
  for (const Row row :
       {Row{"- a\n", "expected output"}, Row{"seeds: 3\n", "recipe.yaml:1: seeds must be a list"},
        Row{"seeds: [-1]\n", "seed is \"-1\""},
        Row{"\nmethod: {}\n", "recipe.yaml:2: there is no key"},
        Row{"methods: {\"../x\": {}}\n", "the name"},
        Row{"output: o\n", "needs output, seeds, methods and tasks"},
        Row{"output: [\n", "not YAML"}}) {
    CAPTURE(row.text);
    CHECK_THROWS_WITH_AS(read_recipe(grid.write(row.text)), doctest::Contains(row.part), Error);
  }
  Recipe recipe = read_recipe(grid.complete());
  CHECK_THROWS_AS(select(recipe, {"cola"}, {}, {}), UsageError);
  select(recipe, {"rte"}, {}, {2});
  CHECK(runs_of(recipe).size() == 2);
}

TEST_CASE("recipe: the paper's recipe has a valid configuration for every run") {
  const Recipe recipe =
      read_recipe(std::string(SORAGRAD_SOURCE_DIR) + "/train/recipes/paper_deberta_v3_base.yaml");
  const std::vector<GridRun> runs = runs_of(recipe);
  CHECK(runs.size() == 8 * 4 * 5);
  for (const GridRun& run : runs) config_of(recipe, run);
}

TEST_CASE("score_table: mean and deviation over the seeds that are there, beside printed numbers") {
  const Grid grid;
  const Recipe recipe = read_recipe(grid.complete());
  grid.finish("qqp-sora-r4-1", R"({"test": {"accuracy": 0.5, "f1": 0.25}})");
  grid.finish("qqp-sora-r4-2", R"({"test": {"accuracy": 0.52, "f1": 0.25}})");
  grid.finish("rte-lora-2", R"({"test": {"accuracy": 0.625}, "validation": {"accuracy": 0.1}})");
  const ScoreTable table = collect_scores(recipe);
  REQUIRE(table.cells.size() == 4);
  CHECK(score_text(table.cells[0]) == "51.00/25.00 ± 1.41/0.00 (2)");
  CHECK(table.cells[0].printed == "92.06/89.44");
  CHECK(score_text(table.cells[1]) == "-");
  CHECK(score_text(table.cells[3]) == "62.50 ± 0.00 (1)");
  CHECK(table.cells[3].printed == "85.32");
  CHECK(
      format_table(table, "csv").find("qqp,sora-r4,test,accuracy,51.0000,1.4142,2,92.06/89.44\n") !=
      std::string::npos);
  CHECK(format_table(table, "markdown").find("| --- |") != std::string::npos);
  CHECK(format_table(table, "html").find("<td>62.50 ± 0.00 (1)</td>") != std::string::npos);
  CHECK_THROWS_AS(format_table(table, "pdf"), UsageError);
}
