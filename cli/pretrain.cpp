#include "cli/pretrain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/processes.h"
#include "cli/report.h"
#include "cli/version.h"
#include "core/console.h"
#include "core/error.h"
#include "core/output_path.h"
#include "train/config/config.h"
#include "train/loop/interrupt.h"
#include "train/loop/pretrain_finish.h"
#include "train/report/profile_report.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

void note(const std::string& line) {
  log_line(line);
}

// Paths as a run's own config.yaml has them: the same from every folder.
void make_paths_absolute(train::Config& config) {
  train::make_absolute(config);
  const auto absolute = [](const std::string& path) {
    return fs::absolute(path).lexically_normal().string();
  };
  std::string& batches = config.pretrain.batches;
  if (!batches.empty()) batches = absolute(batches);
  for (std::string* list : {&config.pretrain.corpus, &config.pretrain.validation_corpus}) {
    std::vector<std::string> paths;
    for (size_t begin = 0; begin < list->size();) {
      const size_t comma = std::min(list->find(',', begin), list->size());
      const size_t first = list->find_first_not_of(' ', begin);
      if (first < comma) paths.push_back(absolute(list->substr(first, comma - first)));
      begin = comma + 1;
    }
    *list = fmt::format("{}", fmt::join(paths, ","));
  }
}

int pretrain_in(train::RunFolder& folder, train::PretrainSession& session, bool resume,
                const std::string& profile_file) {
  train::ProfileRun profile(profile_file);
  train::Pretrainer trainer(session, folder, resume);
  const bool is_complete = trainer.run();
  profile.finish();
  if (!is_complete) {
    const int reason = train::interrupted_by();
    note(fmt::format("stopped by {} after step {}; `soragrad pretrain --resume {}` goes on",
                     train::interruption_text(reason), trainer.state().step, folder.path()));
    return train::exit_code_of(reason);
  }
  const nlohmann::json results = train::finish_pretraining(session, folder, trainer, version());
  write_run_page(folder.path());
  write_output(
      fmt::format("{}results in {}\n", train::pretraining_summary(results), folder.path()));
  return 0;
}

int resume(const TrainOptions& options) {
  const train::InterruptGuard guard;
  if (!options.config.empty() || options.dump_config || !options.arguments.empty()) {
    throw UsageError(
        "[pretrain] --resume continues a run with its own configuration; it takes no other "
        "option.");
  }
  train::RunFolder folder = train::RunFolder::open(options.resume, true);
  train::Config config;
  config.verb = train::Verb::pretrain;
  train::read_yaml(config, folder.file("config.yaml"));
  config.output = folder.path();
  train::resolve_pretraining(config);
  if (fs::exists(folder.file("results.json"))) {
    write_output(folder.path() + " is complete; nothing to do.\n");
    return 0;
  }
  if (folder.checkpoints().empty()) {
    note(fmt::format("{} has no checkpoint: starting from step 0", folder.path()));
  }
  train::set_time_limit(config.max_seconds);
  const auto session = train::open_pretrain_session(config, note);
  return pretrain_in(folder, *session, true, options.profile);
}

}  // namespace

int pretrain_main(const TrainOptions& options) {
  require_alone("pretrain");
  if (!options.resume.empty()) return resume(options);
  train::Config config;
  config.verb = train::Verb::pretrain;
  if (!options.config.empty()) train::read_yaml(config, options.config);
  for (const std::string& argument : options.arguments) train::set_argument(config, argument);
  if (options.dump_config) {
    write_output(train::to_yaml(config));
    return 0;
  }
  train::resolve_pretraining(config);
  make_paths_absolute(config);
  const train::InterruptGuard guard;
  train::set_time_limit(config.max_seconds);
  train::RunFolder::check_free(config.output, config.overwrite);
  require_output_folder(config.output);
  const auto session = train::open_pretrain_session(config, note);
  train::RunFolder folder = train::RunFolder::create(config.output, session->config);
  return pretrain_in(folder, *session, false, options.profile);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
