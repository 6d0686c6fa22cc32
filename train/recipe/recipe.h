// A grid of runs: tasks x methods x seeds from one YAML file.
//
//   title: Table 1                                       optional
//   output: runs/table                                   runs go to OUTPUT/TASK-METHOD-SEED
//   seeds: [0, 21, 42, 81, 100]
//   folds: 5                                             optional; own data: each run in 5 folds,
//                                                        to OUTPUT/TASK-METHOD-SEED-foldK
//   common: {model: .., data: .., protocol: paper}       keys of `train`
//   methods: {sora-r4: {method: sora, r: 4}, lora: {}}   common says `method` too, or the name does
//   tasks: {cola: {num_train_epochs: 20}, rte: {}}
//   cells: {rte/lora: {learning_rate: 1.2e-3}}           optional; the last word
//
// A task is one of GLUE's or registered ones, or has a key `task` of its own: own data is
//   tasks: {reviews: {task: custom, train_file: reviews.csv}}
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "train/config/config.h"

namespace soragrad::train {

struct RecipeKey {
  std::string key, value, where;  // where: "recipe.yaml:7"
};
using RecipeKeys = std::vector<RecipeKey>;

struct Recipe {
  std::string path, title;
  std::string output;
  std::vector<int64_t> seeds;
  int64_t folds = 0;  // 0: none
  RecipeKeys common;
  std::vector<std::pair<std::string, RecipeKeys>> methods, tasks, cells;
  RecipeKeys overrides;  // key=value of the command line: for every run, after all others
};

struct GridRun {
  std::string task, method;  // as the recipe names them
  int64_t seed = 0;
  int64_t fold = -1;  // -1: the recipe has no folds
  std::string folder;
};

// Reads a file of at most 1 MiB. Throws naming file and line; wrong keys of runs are found by
// config_of().
Recipe read_recipe(const std::string& path);

// Leaves only what is named; empty lists leave all. Throws UsageError for names it does not have.
void select(Recipe& recipe, const std::vector<std::string>& tasks,
            const std::vector<std::string>& methods, const std::vector<int64_t>& seeds);

// Takes `key=value` arguments over what the file says; `output` moves the whole table. Throws
// UsageError for others than keys of `train`, and for method, task and seed, which tell runs apart.
void override_keys(Recipe& recipe, const std::vector<std::string>& arguments);

// All runs: tasks in order, then methods, then seeds, then folds.
std::vector<GridRun> runs_of(const Recipe& recipe);
// Those of one cell: seeds, then folds.
std::vector<GridRun> runs_of_cell(const Recipe& recipe, const std::string& task,
                                  const std::string& method);
// The name of the run's folder in the grid's: "TASK-METHOD-SEED".
std::string name_of(const Recipe& recipe, const GridRun& run);
// The resolved configuration of one run.
Config config_of(const Recipe& recipe, const GridRun& run);
// Throws where the folder of the run holds one that was started with other settings than the recipe
// has now: a table must not mix them. Keys that change no number may differ. `config` must have the
// paths that the run's config.yaml has.
void check_same_run(const Config& config, const std::string& folder);

// Work item i of n from "i/n", 1 <= i <= n: whether the run with this index belongs to it.
struct Shard {
  int64_t index = 1, count = 1;
  bool has(size_t run) const { return static_cast<int64_t>(run) % count == index - 1; }
};
Shard parse_shard(const std::string& text);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
