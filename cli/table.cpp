#include "cli/table.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/train.h"
#include "core/error.h"
#include "core/file.h"
#include "train/recipe.h"
#include "train/run_folder.h"
#include "train/score_table.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

// The exit code of the run: 0 where it is complete.
int complete_run(const train::Recipe& recipe, const train::GridRun& run) {
  const train::Config config = train::config_of(recipe, run);
  if (fs::exists(run.folder + "/results.json")) return 0;
  if (train::RunFolder::is_run(run.folder)) return resume_run(run.folder, stderr);
  return train_run(config, stderr);
}

}  // namespace

int table_main(const TableOptions& options) {
  const train::Shard shard = train::parse_shard(options.shard);
  train::Recipe recipe = train::read_recipe(options.recipe);
  train::select(recipe, options.tasks, options.methods, options.seeds);
  train::format_table(train::collect_scores(recipe), options.format);  // finds mistakes early
  const std::vector<train::GridRun> runs = train::runs_of(recipe);
  int64_t failed = 0;
  for (size_t i = 0; i < runs.size() && !options.print_only; ++i) {
    if (!shard.has(i)) continue;
    fmt::print(stderr, "run {} of {}: {}\n", i + 1, runs.size(), runs[i].folder);
    try {
      if (const int code = complete_run(recipe, runs[i]); code > 128) return code;
    } catch (const Error& error) {
      fmt::print(stderr, "soragrad: {}: {}\n", runs[i].folder, error.what());
      ++failed;
    }
  }
  const train::ScoreTable table = train::collect_scores(recipe);
  fmt::print("{}", train::format_table(table, options.format));
  if (fs::is_directory(recipe.output)) {
    for (const auto& [format, ending] :
         {std::pair{"text", "txt"}, {"markdown", "md"}, {"csv", "csv"}, {"html", "html"}}) {
      write_file_atomically(fmt::format("{}/table.{}", recipe.output, ending),
                            train::format_table(table, format));
    }
  }
  require(failed == 0, "[table] {} of {} runs failed, see above.", failed, runs.size());
  return 0;
}

}  // namespace soragrad::cli
