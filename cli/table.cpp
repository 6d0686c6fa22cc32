#include "cli/table.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/error_text.h"
#include "cli/train.h"
#include "core/console.h"
#include "core/error.h"
#include "core/file.h"
#include "core/output_path.h"
#include "core/text.h"
#include "train/loop/fold_predictions.h"
#include "train/loop/interrupt.h"
#include "train/recipe/recipe.h"
#include "train/report/cost_table.h"
#include "train/report/score_table.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

// The exit code of the run: 0 where it is complete, or another process trains it.
int complete_run(const train::Recipe& recipe, const train::GridRun& run) {
  if (path_exists(run.folder + "/results.json")) return 0;
  if (train::RunFolder::is_busy(run.folder)) {
    log_line(run.folder + " is being trained by another process");
    return 0;
  }
  if (train::RunFolder::is_run(run.folder)) return resume_run(run.folder, log_text);
  return train_run(train::config_of(recipe, run), log_text);
}

// Finds mistakes before the first run: keys, and runs of other settings.
void check_runs(const train::Recipe& recipe, const std::vector<train::GridRun>& runs) {
  for (const train::GridRun& run : runs) {
    train::Config config = train::config_of(recipe, run);
    train::make_absolute(config);
    if (train::RunFolder::is_run(run.folder)) train::check_same_run(config, run.folder);
  }
}

void write_tables(const std::string& folder, const train::ScoreTable& table) {
  for (const auto& [format, ending] :
       {std::pair{"text", "txt"}, {"markdown", "md"}, {"csv", "csv"}, {"html", "html"}}) {
    write_file_atomically(fmt::format("{}/table.{}", folder, ending),
                          train::format_table(table, format));
  }
  write_file_atomically(folder + "/costs.csv", train::to_csv(train::cost_table(table.runs)));
}

// For each seed of a cell whose folds are all complete: the predictions of all its rows, each by
// the run that did not train on it.
void write_fold_predictions(const train::Recipe& recipe) {
  for (const auto& [task, task_keys] : recipe.tasks) {
    for (const auto& [method, method_keys] : recipe.methods) {
      const std::vector<train::GridRun> runs = train::runs_of_cell(recipe, task, method);
      for (size_t first = 0; first < runs.size(); first += static_cast<size_t>(recipe.folds)) {
        std::vector<std::string> folders;
        for (size_t i = first; i < first + static_cast<size_t>(recipe.folds); ++i) {
          if (path_exists(runs[i].folder + "/results.json")) folders.push_back(runs[i].folder);
        }
        if (std::ssize(folders) != recipe.folds) continue;
        write_file_atomically(fmt::format("{}/{}-{}-{}-out_of_fold.tsv", recipe.output, task,
                                          method, runs[first].seed),
                              train::joined_predictions(folders));
      }
    }
  }
}

}  // namespace

int table_main(const TableOptions& options) {
  const train::InterruptGuard guard;
  const train::Shard shard = train::parse_shard(options.shard);
  train::Recipe recipe = train::read_recipe(options.recipe);
  train::override_keys(recipe, options.arguments);
  train::select(recipe, options.tasks, options.methods, options.seeds);
  const std::vector<train::GridRun> runs = train::runs_of(recipe);
  check_runs(recipe, runs);
  if (!options.print_only) require_output_folder(recipe.output);
  train::format_table(train::collect_scores(recipe), options.format);  // a wrong --format
  int64_t failed = 0;
  for (size_t i = 0; i < runs.size() && !options.print_only; ++i) {
    if (!shard.has(i)) continue;
    log_line(fmt::format("run {} of {}: {}", i + 1, runs.size(), runs[i].folder));
    try {
      if (const int code = complete_run(recipe, runs[i]); code != 0) return code;
      if (const int reason = train::interrupted_by()) return train::exit_code_of(reason);
    } catch (const std::exception& error) {  // out of memory too: the next run may be smaller
      log_line(
          bounded_line(fmt::format("soragrad: {}: {}", shown(runs[i].folder), error_text(error))));
      ++failed;
    }
  }
  const train::ScoreTable table = train::collect_scores(recipe);
  write_output(train::format_table(table, options.format));
  if (is_folder(recipe.output)) {
    write_tables(recipe.output, table);
    if (recipe.folds > 0) write_fold_predictions(recipe);
  }
  require(failed == 0, "[table] {} of {} runs failed, see above.", failed, runs.size());
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
