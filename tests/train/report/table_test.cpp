// Recipes and the tables made of finished runs.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/error.h"
#include "tests/files.h"
#include "train/config/protocol.h"
#include "train/recipe/recipe.h"
#include "train/report/printed_results.h"
#include "train/report/score_table.h"

using namespace soragrad;
using namespace soragrad::train;
namespace fs = std::filesystem;
using test::contains;

namespace {

struct Grid : test::TemporaryFolder {
  std::string recipe(std::string_view text) const { return write("recipe.yaml", text); }
  std::string complete() const {
    return recipe(
        fmt::format("output: {}\nseeds: [1, 2]\n"
                    "common: {{model: deberta-v3-base, data: d, protocol: paper}}\n"
                    "methods: {{sora-r4: {{method: sora, r: 4}}, lora: {{}}}}\n"
                    "tasks: {{qqp: {{num_train_epochs: 3}}, rte: {{}}}}\n"
                    "cells: {{rte/lora: {{learning_rate: 1.2e-3}}}}\n",
                    (*this / "runs").string()));
  }
  void finish(const std::string& run, const std::string& json) const {
    write("runs/" + run + "/results.json", json);
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
    CHECK_THROWS_WITH_AS(read_recipe(grid.recipe(row.text)), doctest::Contains(row.part), Error);
  }
  Recipe recipe = read_recipe(grid.complete());
  CHECK_THROWS_AS(select(recipe, {"cola"}, {}, {}), UsageError);
  select(recipe, {"rte"}, {}, {2});
  CHECK(runs_of(recipe).size() == 2);
}

TEST_CASE("recipe: a run is not counted twice") {
  const Grid grid;
  std::string text = test::read_text(grid.complete());
  Recipe recipe = read_recipe(grid.complete());
  CHECK_THROWS_WITH_AS(select(recipe, {}, {}, {1, 1}), doctest::Contains("seed 1 is chosen twice"),
                       UsageError);
  CHECK_THROWS_AS(select(recipe, {"rte", "rte"}, {}, {}), UsageError);
  text.replace(text.find("[1, 2]"), 6, "[1, 2, 1]");
  CHECK_THROWS_WITH_AS(read_recipe(grid.recipe(text)), doctest::Contains("recipe.yaml:2"),
                       UsageError);
}

TEST_CASE("recipe: arguments of the command line have the last word") {
  const Grid grid;
  Recipe recipe = read_recipe(grid.complete());
  override_keys(recipe, {"model=elsewhere", "learning_rate=0.5", "output=moved"});
  for (const GridRun& run : runs_of(recipe)) {
    const Config config = config_of(recipe, run);
    CHECK(config.model == "elsewhere");
    CHECK(config.learning_rate == 0.5);  // over a cell's own too
    CHECK(config.output.starts_with("moved/"));
  }
  for (const char* wrong : {"task=rte", "method=lora", "seed=1", "learning_rat=1", "seed"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(override_keys(recipe, {wrong}), UsageError);
  }
}

TEST_CASE("recipe: a run of other settings is not taken for the recipe's") {
  const Grid grid;
  const Recipe recipe = read_recipe(grid.complete());
  const Config config = config_of(recipe, runs_of(recipe)[0]);
  const std::string folder = grid / "run";
  Config made = config;
  made.threads = 7;
  made.output = "elsewhere";
  grid.write("run/config.yaml", to_yaml(made));
  CHECK_NOTHROW(check_same_run(config, folder));
  made.learning_rate = 0.25;
  grid.write("run/config.yaml", to_yaml(made));
  CHECK_THROWS_WITH_AS(check_same_run(config, folder),
                       doctest::Contains("learning_rate=0.25, and the recipe has 0.0008 now"),
                       Error);
}

TEST_CASE("recipe: those that come with the program have a valid configuration for every run") {
  int64_t recipes = 0;
  for (const auto& entry :
       fs::directory_iterator(std::string(SORAGRAD_SOURCE_DIR) + "/train/recipes")) {
    CAPTURE(entry.path().string());
    if (entry.path().filename().string().starts_with("pretrain_")) continue;  // of another verb
    const Recipe recipe = read_recipe(entry.path().string());
    CHECK_FALSE(recipe.title.empty());
    CHECK(recipe.output == "runs/" + entry.path().stem().string());
    for (const GridRun& run : runs_of(recipe)) CHECK(unread_keys(config_of(recipe, run)).empty());
    ++recipes;
  }
  CHECK(recipes >= 6);
}

TEST_CASE("recipe: the main table's settings are those that the protocol's sources state") {
  const Recipe recipe =
      read_recipe(std::string(SORAGRAD_SOURCE_DIR) + "/train/recipes/paper_main_table.yaml");
  CHECK(runs_of(recipe).size() == 8 * 8 * 5);
  int64_t compared = 0;
  for (const GridRun& run : runs_of(recipe)) {
    CAPTURE(run.folder);
    const Config config = config_of(recipe, run);
    const bool adalora = run.method == "adalora";
    const TaskSettings* stated =
        settings_of(adalora ? data::Protocol::adalora : data::Protocol::paper, run.task);
    REQUIRE(stated != nullptr);
    CHECK(config.num_train_epochs == std::stod(std::string(stated->epochs)));
    CHECK(config.per_device_train_batch_size == std::stol(std::string(stated->batch)));
    if (stated->max_seq_length != kNotStated) {
      CHECK(config.max_seq_length == std::stol(std::string(stated->max_seq_length)));
    }
    if (adalora || run.method == "lora") {
      CHECK(config.learning_rate == std::stod(std::string(stated->learning_rate)));
    }
    if (!adalora) continue;
    Config again = config;
    std::istringstream words{std::string(stated->more)};
    for (std::string word; words >> word; ++compared) set_argument(again, word);
    CHECK(to_yaml(again) == to_yaml(config));
  }
  CHECK(compared == 8 * 5 * 8);
}

TEST_CASE("score_table: mean and deviation over the seeds that are there, beside printed numbers") {
  const Grid grid;
  const Recipe recipe = read_recipe(grid.complete());
  grid.finish("qqp-sora-r4-1", R"({"test": {"accuracy": 0.5, "f1": 0.25},
                                "parameters": {"stored": 1000}})");
  grid.finish("qqp-sora-r4-2", R"({"test": {"accuracy": 0.52, "f1": 0.25},
                                "parameters": {"stored": 1000}})");
  grid.finish("rte-lora-2", R"({"test": {"accuracy": 0.625}, "validation": {"accuracy": 0.1}})");
  const ScoreTable table = collect_scores(recipe);
  REQUIRE(table.cells.size() == 4);
  CHECK(score_text(table.cells[0]) == "51.00/25.00 ± 1.41/0.00 (2)");
  CHECK(table.cells[0].printed == "92.06/89.44");
  CHECK(score_text(table.cells[1]) == "-");
  CHECK(score_text(table.cells[3]) == "62.50 (1)");
  CHECK(table.cells[3].printed == "85.32");
  CHECK(contains(format_table(table, "csv"),
                 "qqp,sora-r4,test,accuracy,51.0000,1.4142,2,92.06/89.44,0\n"));
  CHECK(contains(format_table(table, "markdown"), "| --- |"));
  CHECK(contains(format_table(table, "html"), ">62.50 (1)</td>"));
  CHECK(
      contains(format_table(table, "html"), "qqp, sora-r4: 51.00% at 1000<"));  // a picture's point
  CHECK(table.wanted == 8);
  CHECK(table.runs.size() == 3);
  CHECK(contains(format_table(table, "text"), "3 of 8 runs are complete"));
  CHECK_FALSE(contains(format_table(table, "text"), "average"));
  CHECK_THROWS_AS(format_table(table, "pdf"), UsageError);
}

// p of SciPy 1.17: 2 * scipy.stats.t.sf(abs(t), freedom).
TEST_CASE("paired: Student's distribution for odd and even degrees of freedom") {
  CHECK(student_p(1.5, 1) == doctest::Approx(0.3743340836219977).epsilon(1e-12));
  CHECK(student_p(1.5, 2) == doctest::Approx(0.2723931248910011).epsilon(1e-12));
  CHECK(student_p(2.776445, 4) == doctest::Approx(0.05000000538209156).epsilon(1e-12));
  CHECK(student_p(-0.7, 9) == doctest::Approx(0.501619039216145).epsilon(1e-12));
  CHECK(student_p(3.2, 30) == doctest::Approx(0.0032386017119531312).epsilon(1e-12));
  CHECK(student_p(0, 7) == 1);
}

TEST_CASE("paired: runs of the same seed and fold, wherever they stand") {
  const std::vector<RunScore> a{{1, -1, 5}, {2, -1, 7}, {3, -1, 6}, {4, -1, 100}},
      b{{3, -1, 5}, {1, -1, 2}, {2, -1, 5}, {4, 0, 0}};
  const PairedDifference found = paired_difference(a, b);  // 3, 2, 1
  CHECK(found.pairs == 3);
  CHECK(found.mean == 2);
  CHECK(found.std == 1);
  CHECK(found.p == doctest::Approx(0.0741799002274485).epsilon(1e-12));  // scipy.stats.ttest_rel
  CHECK(std::isnan(paired_difference({{1, -1, 5}}, {{1, -1, 4}}).p));
  CHECK(std::isnan(paired_difference(a, a).p));  // no spread: the test says nothing
  // One row of 277 more in both: differences that differ in rounding alone.
  CHECK(std::isnan(paired_difference({{1, -1, 100 * (145.0 / 277)}, {2, -1, 100 * (151.0 / 277)}},
                                     {{1, -1, 100 * (144.0 / 277)}, {2, -1, 100 * (150.0 / 277)}})
                       .p));
  CHECK(paired_difference(a, {}).pairs == 0);
  // Folds are no independent pairs.
  const PairedDifference folds =
      paired_difference({{1, 0, 5}, {1, 1, 7}, {2, 0, 6}}, {{1, 0, 4}, {1, 1, 5}, {2, 0, 3}});
  CHECK(folds.pairs == 3);
  CHECK(folds.mean == 2);
  CHECK(std::isnan(folds.p));
}

TEST_CASE("score_table: methods are compared on the seeds that both have") {
  const Grid grid;
  const Recipe recipe = read_recipe(grid.complete());
  grid.finish("rte-sora-r4-1", R"({"test": {"accuracy": 0.5}})");
  grid.finish("rte-sora-r4-2", R"({"test": {"accuracy": 0.53}})");
  grid.finish("rte-lora-1", R"({"test": {"accuracy": 0.51}})");
  grid.finish("rte-lora-2", R"({"test": {"accuracy": 0.56}})");
  grid.finish("qqp-lora-2", R"({"test": {"accuracy": 0.5, "f1": 0.25}})");
  const ScoreTable table = collect_scores(recipe, "lora");
  // Differences -1 and -3: t is -2 for one degree of freedom.
  CHECK(contains(format_table(table, "markdown"),
                 "| rte  | sora-r4 | accuracy | -2.00      | 1.41 | 2     | 0.295 |"));
  CHECK(contains(format_table(table, "text"), "Differences from lora\n"));
  CHECK(contains(format_table(table, "html"), ">-2.00</td>"));
  CHECK_FALSE(
      contains(format_table(table, "markdown"), "| qqp  | sora"));  // of which none is there
  CHECK_FALSE(contains(format_table(collect_scores(recipe), "text"), "Differences"));
  CHECK(contains(test::message_of([&] { collect_scores(recipe, "lorra"); }),
                 "--against is \"lorra\"; expected one of the methods sora-r4, lora"));
}

TEST_CASE("score_table: runs without a defined metric are counted") {
  const Grid grid;
  const Recipe recipe = read_recipe(grid.complete());
  grid.finish("rte-lora-1", R"({"test": {"accuracy": 0.5}})");
  grid.finish("rte-lora-2", R"({"test": {"accuracy": null}})");
  grid.finish("rte-sora-r4-1", R"({"test": {"accuracy": null}})");
  const ScoreTable table = collect_scores(recipe);
  CHECK(score_text(table.cells[3]) == "50.00 (1; 1 undefined)");
  CHECK(score_text(table.cells[2]) == "undefined (1)");
  CHECK(contains(format_table(table, "csv"), "rte,lora,test,accuracy,50.0000,,1,85.32,1\n"));
}

TEST_CASE("score_table: errors keep their digits, and each method its protocol's split") {
  const Grid grid;
  const Recipe recipe = read_recipe(grid.recipe(
      fmt::format("output: {}\nseeds: [1]\ncommon: {{model: m}}\nmethods: {{lora: {{}}}}\n"
                  "tasks: {{scores: {{task: custom, train_file: a.csv}}}}\n",
                  (grid / "runs").string())));
  grid.write("runs/scores-lora-1/results.json",
             R"({"metric_for_best_model": "mse", "validation": {"mse": 0.00061}})");
  const std::string text = format_table(collect_scores(recipe), "text");
  CHECK(contains(text, "0.00061 (1)"));
  CHECK_FALSE(contains(text, "percent"));
  const Recipe mixed = read_recipe(grid.recipe(fmt::format(
      "output: {}\nseeds: [1]\ncommon: {{model: m, data: d}}\nmethods: "
      "{{glue-lora: {{method: lora}}, lora: {{protocol: paper}}}}\ntasks: {{rte: {{}}}}\n",
      (grid / "mixed").string())));
  const ScoreTable table = collect_scores(mixed);
  CHECK(table.cells[0].split == "validation");
  CHECK(table.cells[1].split == "test");
  CHECK(contains(format_table(table, "text"), "validation or test split, in percent"));
}

TEST_CASE("recipe: no two cells share a folder") {
  const Grid grid;
  CHECK_THROWS_WITH_AS(
      read_recipe(grid.recipe("output: o\nseeds: [1]\nmethods: {lora: {}, small-lora: {method: "
                              "lora}}\ntasks: {cola: {}, cola-small: {task: cola}}\n")),
      doctest::Contains(
          "\"small-lora\" of \"cola\" and \"lora\" of \"cola-small\" would both be in "
          "cola-small-lora-1"),
      Error);
}

TEST_CASE("score_table: the average is the papers', over all eight tasks") {
  const Grid grid;
  std::string tasks;
  for (const std::string_view task : printed_tasks()) tasks += fmt::format("{}: {{}}, ", task);
  const Recipe recipe = read_recipe(grid.recipe(
      fmt::format("output: {}\nseeds: [1]\ncommon: {{model: deberta-v3-base, data: d, protocol: "
                  "paper}}\nmethods: {{sora: {{r: 4}}, lora: {{}}, full: {{}}}}\n"
                  "tasks: {{{}}}\n",
                  (grid / "runs").string(), tasks)));
  for (const std::string_view task : printed_tasks()) {
    grid.finish(fmt::format("{}-sora-1", task),
                R"({"test": {"accuracy": 0.5, "f1": 0.25, "matthews_correlation": 0.5,
                    "pearson": 0.5}, "test_mm": {"accuracy": 0.25}})");
  }
  const std::string csv = format_table(collect_scores(recipe), "markdown");
  CHECK(contains(csv, "| average"));
  CHECK(contains(csv, "| 46.88"));  // (6 * 50 + 2 * 37.5) / 8
  CHECK(contains(csv, "| 88.71"));  // as printed for sora r=4
  CHECK(contains(csv, "| 88.38"));  // lora
  CHECK(contains(csv, "| 87.82"));  // full
}

TEST_CASE("score_table: papers are not named in a table of which none prints a score") {
  const Grid grid;
  const std::string recipe =
      grid.recipe(fmt::format("output: {}\nseeds: [1]\ncommon: {{model: m, data: d}}\nmethods: "
                              "{{lora: }}\ntasks: {{wnli: }}\n",
                              (grid / "runs").string()));
  const std::string text = format_table(collect_scores(read_recipe(recipe)), "text");
  CHECK(contains(text, "0 of 1 runs are complete"));
  CHECK_FALSE(contains(text, "rinted"));
}

TEST_CASE("printed_results: other models, parts of a layer and paths have no printed scores") {
  Config config;
  for (const char* key :
       {"model=models/deberta-v3-base", "data=d", "task=rte", "protocol=paper", "r=4"}) {
    set_argument(config, key);
  }
  CHECK(printed_score("rte", config) == "86.04");
  CHECK(printed_average(config) == "88.71");
  CHECK(printed_score("wnli", config) == "not stated");
  set_argument(config, "target_modules=query");
  CHECK(printed_score("rte", config) == "not stated");
  set_argument(config, "target_modules=auto");
  set_argument(config, "schedule=linear");
  CHECK(printed_score("rte", config) == "not stated");
  set_argument(config, "schedule=none");
  const test::TemporaryFolder folder;
  const auto write_config = [&](std::string_view type, int hidden) {
    folder.write(
        "deberta-v3-base/config.json",
        fmt::format(R"({{"model_type": "{}", "hidden_size": {}, "num_hidden_layers": 12, )"
                    R"("num_attention_heads": 12, "intermediate_size": 3072, )"
                    R"("vocab_size": 9, "relative_attention": true, "share_att_key": true, )"
                    R"("position_biased_input": false, "type_vocab_size": 0, )"
                    R"("norm_rel_ebd": "layer_norm"}})",
                    type, hidden));
    set_argument(config, "model=" + (folder / "deberta-v3-base").string());
    return printed_score("rte", config);
  };
  CHECK(write_config("deberta-v2", 768) == "86.04");
  CHECK(write_config("deberta-v2", 384) == "not stated");
  CHECK(write_config("roberta", 768) == "not stated");
  set_argument(config, "model=roberta-large");
  CHECK(printed_average(config) == "not stated");
}

TEST_CASE("recipe: own data has a name of its own, and each seed runs in folds") {
  const Grid grid;
  const Recipe recipe = read_recipe(grid.recipe(fmt::format(
      "output: {}\nseeds: [1, 2]\nfolds: 3\ncommon: {{model: m}}\nmethods: {{lora: {{}}}}\n"
      "tasks: {{reviews: {{task: custom, train_file: a.csv}}}}\n",
      (grid / "runs").string())));
  const std::vector<GridRun> runs = runs_of(recipe);
  REQUIRE(runs.size() == 6);
  CHECK(runs[4].folder == (grid / "runs/reviews-lora-2-fold1").string());
  const Config config = config_of(recipe, runs[4]);
  CHECK(config.task == "custom");
  CHECK(config.seed == 2);
  CHECK(config.custom.k_folds == 3);
  CHECK(config.custom.fold == 1);

  CHECK(collect_scores(recipe).cells[0].metrics == std::vector<std::string>{"score"});
  for (size_t i = 0; i < 3; ++i) {
    grid.write(
        fmt::format("runs/reviews-lora-1-fold{}/results.json", i),
        fmt::format(R"({{"metric_for_best_model": "mae", "validation": {{"mae": {}}}}})", i + 1));
  }
  const ScoreTable table = collect_scores(recipe);
  CHECK(table.wanted == 6);
  CHECK(table.cells[0].metrics == std::vector<std::string>{"mae"});
  CHECK(score_text(table.cells[0]) == "2.00 ± 1.00 (3)");  // an error is no share of 100
}

TEST_CASE("recipe: folds are for own data, and 2 at least") {
  const Grid grid;
  const std::string rest =
      "output: runs\nseeds: [1]\ncommon: {model: m, data: d}\nmethods: {lora: {}}\ntasks: {rte: "
      "{}}\n";
  const Recipe recipe = read_recipe(grid.recipe("folds: 3\n" + rest));
  CHECK(contains(test::message_of([&] { config_of(recipe, runs_of(recipe)[0]); }), "own data"));
  CHECK(contains(test::message_of([&] { read_recipe(grid.recipe("folds: 1\n" + rest)); }),
                 "recipe.yaml:1"));
}

TEST_CASE("recipe: what the files of own data settled is no other setting") {
  const Grid grid;
  Config wanted;
  for (const char* key : {"task=custom", "model=m", "train_file=a.csv"}) set_argument(wanted, key);
  Config made = wanted;
  made.custom.labels = {"a", "b"};
  made.custom.text_column = "text";
  made.metric_for_best_model = "macro_f1";
  grid.write("run/config.yaml", to_yaml(made));
  check_same_run(wanted, grid / "run");
  set_argument(wanted, "labels=b,a");
  CHECK(contains(test::message_of([&] { check_same_run(wanted, grid / "run"); }), "labels"));
}

// SPDX-License-Identifier: Apache-2.0
