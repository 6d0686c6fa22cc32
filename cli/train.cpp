#include "cli/train.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/version.h"
#include "core/error.h"
#include "train/config/config.h"
#include "train/loop/finish.h"
#include "train/loop/interrupt.h"
#include "train/loop/session.h"
#include "train/loop/trainer.h"
#include "train/report/profile_report.h"
#include "train/report/summary.h"
#include "train/report/threshold_path.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

void note(const std::string& line) {
  fmt::print(stderr, "{}\n", line);
}

int train_in(train::RunFolder& folder, train::Session& session, bool resume, std::FILE* out,
             train::ProfileRun& profile) {
  train::Trainer trainer(
      session, folder, resume,
      train::path_writer(folder, session.config, train::path_metric(session.config)));
  const bool is_complete = trainer.run();
  profile.finish();
  if (!is_complete) {
    const int signal = train::interrupted_by();
    note(fmt::format("stopped by signal {} after step {}; `soragrad train --resume {}` goes on",
                     signal, trainer.state().step, folder.path()));
    return 128 + signal;
  }
  const nlohmann::json results = train::finish_run(session, folder, trainer, version());
  fmt::print(out, "{}results in {}\n", train::summary_text(results), folder.path());
  return 0;
}

}  // namespace

void make_absolute(train::Config& config) {
  for (std::string* path :
       {&config.model, &config.data, &config.train_file, &config.validation_file, &config.test_file,
        &config.initial_state, &config.output}) {
    if (!path->empty()) *path = fs::absolute(*path).lexically_normal().string();
  }
}

int resume_run(const std::string& path, std::FILE* out, const std::string& profile_file) {
  train::RunFolder folder = train::RunFolder::open(path, true);
  train::Config config;
  train::read_yaml(config, folder.file("config.yaml"));
  config.output = folder.path();
  train::resolve(config);
  if (fs::exists(folder.file("results.json"))) {
    fmt::print(out, "{} is complete; nothing to do.\n", folder.path());
    return 0;
  }
  if (folder.checkpoints().empty()) {
    note(fmt::format("{} has no checkpoint: starting from step 0", folder.path()));
  }
  const auto session = train::open_session(config, note);
  train::ProfileRun profile(profile_file);
  return train_in(folder, *session, true, out, profile);
}

int train_main(const TrainOptions& options) {
  if (!options.resume.empty()) {
    if (!options.config.empty() || options.dump_config || !options.arguments.empty()) {
      throw UsageError(
          "[train] --resume continues a run with its own configuration; it takes no other option.");
    }
    return resume_run(options.resume, stdout, options.profile);
  }
  train::Config config;
  if (!options.config.empty()) train::read_yaml(config, options.config);
  for (const std::string& argument : options.arguments) train::set_argument(config, argument);
  if (options.dump_config) {
    train::complete(config);
    fmt::print("{}", train::to_yaml(config));
    return 0;
  }
  train::resolve(config);
  return train_run(std::move(config), stdout, options.profile);
}

int train_run(train::Config config, std::FILE* out, const std::string& profile_file) {
  for (const std::string& line : train::unread_keys(config)) note("warning: " + line);
  make_absolute(config);
  train::RunFolder::check_free(config.output, config.overwrite);
  const auto session = train::open_session(config, note);
  train::ProfileRun profile(profile_file);
  train::RunFolder folder = train::RunFolder::create(config.output, config);
  return train_in(folder, *session, false, out, profile);
}

}  // namespace soragrad::cli
