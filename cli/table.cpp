#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "cli/table_jobs.h"
#include "cli/table_worker.h"
#include "core/console.h"
#include "core/cores.h"
#include "core/error.h"
#include "core/file.h"
#include "core/output_path.h"
#include "core/text.h"
#include "train/grid/emit.h"
#include "train/grid/run_cost.h"
#include "train/grid/status.h"
#include "train/loop/fold_predictions.h"
#include "train/loop/interrupt.h"
#include "train/recipe/recipe.h"
#include "train/report/cost_table.h"
#include "train/report/score_table.h"
#include "train/run/results_file.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

using Runs = std::vector<train::GridRun>;

constexpr int64_t kEmittedAtOnce = 16;  // runs of an engine, where --jobs does not say

// Finds mistakes before the first run: keys, and runs of other settings.
void check_runs(const train::Recipe& recipe, const Runs& runs) {
  for (const train::GridRun& run : runs) {
    train::Config config = train::config_of(recipe, run);
    train::make_absolute(config);
    if (train::RunFolder::is_run(run.folder)) train::check_same_run(config, run.folder);
  }
}

void check_options(const TableOptions& options) {
  const int modes = (options.worker ? 1 : 0) + (options.jobs && options.emit.empty() ? 1 : 0) +
                    (options.status ? 1 : 0) + (options.emit.empty() ? 0 : 1) +
                    (options.print_only ? 1 : 0);
  if (modes > 1) {
    throw UsageError(
        "[table] --worker, --jobs, --status, --emit and --print-only exclude each other; --jobs "
        "may go with --emit.");
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
          if (train::is_complete(runs[i].folder)) folders.push_back(runs[i].folder);
        }
        if (std::ssize(folders) != recipe.folds) continue;
        write_file_atomically(fmt::format("{}/{}-{}-{}-out_of_fold.tsv", recipe.output, task,
                                          method, runs[first].seed),
                              train::joined_predictions(folders));
      }
    }
  }
}

// The runs that the options name, by --shard and --runs.
struct Chosen {
  train::Shard shard;
  std::vector<std::string> names;  // empty: all

  bool has(const train::Recipe& recipe, const Runs& runs, size_t run) const {
    return shard.has(run) &&
           (names.empty() ||
            std::ranges::find(names, train::name_of(recipe, runs[run])) != names.end());
  }
  bool is_part() const { return shard.count > 1 || !names.empty(); }
};

Chosen chosen_of(const TableOptions& options, const train::Recipe& recipe, const Runs& runs) {
  Chosen chosen{train::parse_shard(options.shard), options.runs};
  for (const std::string& name : options.runs) {
    const bool known = std::ranges::any_of(
        runs, [&](const train::GridRun& run) { return train::name_of(recipe, run) == name; });
    if (!known) throw UsageError(fmt::format("[table] the recipe has no run {}.", quote(name)));
  }
  return chosen;
}

// The chosen runs: costliest first for workers, else in the recipe's order.
std::vector<size_t> order_of(const train::Recipe& recipe, const Runs& runs, const Chosen& chosen,
                             bool costliest_first) {
  std::vector<size_t> order(runs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (costliest_first) order = train::RunCosts(recipe, runs).costliest_first();
  std::erase_if(order, [&](size_t run) { return !chosen.has(recipe, runs, run); });
  return order;
}

Runs runs_left(const train::Recipe& recipe, const Runs& runs, const Chosen& chosen) {
  Runs left;
  for (const size_t i : order_of(recipe, runs, chosen, true)) {
    if (!train::is_complete(runs[i].folder)) left.push_back(runs[i]);
  }
  return left;
}

std::string emitted(const TableOptions& options, const train::Recipe& recipe, const Runs& runs,
                    const Chosen& chosen) {
  const Runs left = runs_left(recipe, runs, chosen);
  train::EmitRequest request;
  request.engine = options.emit;
  request.program = std::filesystem::read_symlink("/proc/self/exe").string();
  request.folder = std::filesystem::current_path().string();
  request.recipe = absolute_path(options.recipe).string();
  for (const std::string& argument : options.arguments) {
    if (!argument.starts_with("output=")) request.arguments.push_back(argument);
  }
  for (const train::GridRun& run : left) request.runs.push_back(train::name_of(recipe, run));
  request.output = absolute_path(recipe.output).string();
  request.at_once = options.jobs ? parse_jobs(*options.jobs, "") : kEmittedAtOnce;
  for (const train::GridRun& run : left) {
    request.threads = std::max(request.threads, train::config_of(recipe, run).threads);
  }
  if (request.threads == 0) request.threads = available_cores();
  std::string text = train::emit_text(request);
  // An engine that opens its logs before it runs anything needs the folder.
  if (options.emit != "tasks") make_folders(request.output + "/logs");
  return text;
}

// The command line of a worker that does what these options ask for.
std::vector<std::string> worker_arguments(const TableOptions& options) {
  std::vector<std::string> words{"soragrad", "table", options.recipe};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  const auto add = [&](const char* option, const auto& values) {
    if (values.empty()) return;
    words.emplace_back(option);
    words.push_back(fmt::format("{}", fmt::join(values, ",")));
  };
  add("--tasks", options.tasks);
  add("--methods", options.methods);
  add("--seeds", options.seeds);
  add("--runs", options.runs);
  for (const std::string& word :
       {std::string("--worker"), std::string("--shard"), options.shard, std::string("--heartbeat"),
        fmt::format("{}", options.heartbeat)}) {
    words.push_back(word);
  }
  return words;
}

// Runs of these that have failed and are not complete.
int64_t failed_runs(const train::Recipe& recipe, const Runs& runs) {
  return std::ranges::count_if(runs, [&](const train::GridRun& run) {
    return train::status_of(train::config_of(recipe, run), run).phase == train::RunPhase::failed;
  });
}

WorkDone do_work(const TableOptions& options, const train::Recipe& recipe, const Runs& runs,
                 const Chosen& chosen) {
  if (!options.jobs) {
    return do_runs({recipe, runs, order_of(recipe, runs, chosen, options.worker), options.worker});
  }
  const auto left = static_cast<int64_t>(runs_left(recipe, runs, chosen).size());
  const int64_t jobs =
      std::min(parse_jobs(*options.jobs, train::config_of(recipe, runs.front()).model), left);
  WorkDone done;
  if (jobs > 0) done.exit_code = run_workers(jobs, worker_arguments(options));
  done.failed = failed_runs(recipe, runs);
  if (const int reason = train::interrupted_by()) {
    done.exit_code = train::exit_code_of(reason);
  } else if (done.exit_code == 1) {
    done.exit_code = 0;  // what failed is told below the table
  }
  return done;
}

}  // namespace

int table_main(const TableOptions& options) {
  const train::InterruptGuard guard;
  check_options(options);
  train::set_beat_seconds(options.heartbeat);
  train::Recipe recipe = train::read_recipe(options.recipe);
  train::override_keys(recipe, options.arguments);
  train::select(recipe, options.tasks, options.methods, options.seeds);
  const Runs runs = train::runs_of(recipe);
  const Chosen chosen = chosen_of(options, recipe, runs);
  check_runs(recipe, runs);
  if (options.status) {
    write_output(train::status_text(recipe, runs));
    return 0;
  }
  if (!options.print_only) require_output_folder(recipe.output);
  if (!options.emit.empty()) {
    write_output(emitted(options, recipe, runs, chosen));
    return 0;
  }
  // Before the first run: a wrong --format or --against.
  train::format_table(train::collect_scores(recipe, options.against), options.format);
  WorkDone done;
  if (!options.print_only) done = do_work(options, recipe, runs, chosen);
  if (done.exit_code != 0) return done.exit_code;
  const bool is_part = !options.tasks.empty() || !options.methods.empty() ||
                       !options.seeds.empty() || chosen.is_part();
  if (!options.worker || !is_part) {
    const train::ScoreTable table = train::collect_scores(recipe, options.against);
    write_output(train::format_table(table, options.format));
    if (is_folder(recipe.output)) {
      write_tables(recipe.output, table);
      if (recipe.folds > 0) write_fold_predictions(recipe);
    }
  }
  require(done.failed == 0, "[table] {} of {} runs failed, see above.", done.failed, runs.size());
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
