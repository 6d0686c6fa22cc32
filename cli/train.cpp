#include "cli/train.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "cli/processes.h"
#include "cli/report.h"
#include "cli/version.h"
#include "core/communicator.h"
#include "core/console.h"
#include "core/error.h"
#include "core/file.h"
#include "core/output_path.h"
#include "train/config/config.h"
#include "train/config/own_data.h"
#include "train/loop/agreement.h"
#include "train/loop/finish.h"
#include "train/loop/interrupt.h"
#include "train/loop/nccl.h"
#include "train/loop/session.h"
#include "train/loop/trainer.h"
#include "train/report/profile_report.h"
#include "train/report/summary.h"
#include "train/report/threshold_path.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

void note(const std::string& line) {
  log_line(line);
}

// The line and the exit code of a run that a request to stop has ended. `after`: "after step 7".
int interrupted(const std::string& after, const std::string& folder) {
  const int reason = train::interrupted_by();
  note(fmt::format("stopped by {} {}; `soragrad train --resume {}` goes on",
                   train::interruption_text(reason), after, folder));
  return train::exit_code_of(reason);
}

// Own data: writes split.json, or compares the files with the one that is there.
void record_split(const train::Session& session, const train::RunFolder& folder) {
  if (!session.custom || !folder.writes()) return;
  const std::string path = folder.file("split.json");
  if (std::filesystem::exists(path)) {
    data::require_same_files(read_file(path), path, *session.custom);
    return;
  }
  folder.write_file("split.json",
                    data::split_json(*session.custom, train::custom_keys(session.config)));
}

// Gives the other processes what the first one has found of a run that goes on.
void share(train::Resume& resume, const train::RunFolder& folder) {
  Communicator& all = world();
  if (all.size() == 1) return;
  const train::CheckpointInfo none;
  const train::CheckpointInfo& found = resume.checkpoint ? *resume.checkpoint : none;
  const nlohmann::json facts = {{"complete", resume.complete},
                                {"checkpoint", found.folder},
                                {"phase_ended", found.state.phase_ended}};
  const nlohmann::json shared = nlohmann::json::parse(all.broadcast_text(facts.dump()));
  if (all.is_first()) return;
  shared.at("complete").get_to(resume.complete);
  train::read_yaml(resume.config, folder.file("config.yaml"));  // as the first has written it
  resume.config.output = folder.path();
  train::make_absolute(resume.config);
  train::resolve(resume.config);
  const std::string checkpoint = shared.at("checkpoint");
  if (checkpoint.empty()) return;
  resume.checkpoint = train::read_checkpoint(checkpoint);
  shared.at("phase_ended").get_to(resume.checkpoint->state.phase_ended);
}

std::string version_line() {
  return version().number + " " + version().commit;
}

int train_in(train::RunFolder& folder, train::Session& session, const Output& print,
             train::ProfileRun& profile) {
  train::connect_gpus(session.device);
  tell_processes(session);
  record_split(session, folder);
  train::Trainer trainer(
      session, folder,
      train::path_writer(folder, session.config, train::path_metric(session.config)));
  nlohmann::json results;
  bool is_complete = trainer.run();
  profile.finish();
  try {
    if (is_complete) results = train::finish_run(session, folder, trainer, version());
  } catch (const train::Interrupted&) {
    is_complete = false;
  }
  if (!is_complete) {
    return interrupted(fmt::format("after step {}", trainer.state().step), folder.path());
  }
  if (!folder.writes()) return 0;
  write_run_page(folder.path());
  print(fmt::format("{}results in {}\n", train::summary_text(results), folder.path()));
  return 0;
}

// A run that was to stop before its data and model were read: an empty one remains, unless it would
// replace a run that is there.
int interrupted_early(const train::Config& config, train::RunFolder* claimed) {
  const bool exists = train::RunFolder::is_run(config.output);
  if (!exists && claimed) claimed->start(config);
  if (!exists && !claimed) train::RunFolder::create(config.output, config);
  return interrupted(
      exists ? "before the first step; the run of before is kept" : "before the first step",
      config.output);
}

}  // namespace

int resume_run(const std::string& path, const Output& print, const train::ResumeRequest& request,
               const std::string& profile_file) {
  const train::InterruptGuard guard;
  const bool is_first = world().is_first();
  train::RunFolder folder =
      is_first ? train::RunFolder::open(path, true) : train::RunFolder::observe(path);
  train::Resume resume;
  if (is_first) resume = train::prepare_resume(folder, request, note);
  share(resume, folder);
  train::require_same_program(resume.config, version_line());
  if (resume.complete) {
    if (is_first) print(folder.path() + " is complete; nothing to do.\n");
    return 0;
  }
  train::set_time_limit(resume.config.max_seconds);
  std::unique_ptr<train::Session> session;
  try {
    session = train::open_session(resume.config, note, std::move(resume.checkpoint));
  } catch (const train::Interrupted&) {
    return interrupted("before it went on", folder.path());
  }
  train::require_same_session(*session);
  train::ProfileRun profile(is_first ? profile_file : "");
  return train_in(folder, *session, print, profile);
}

int train_main(const TrainOptions& options) {
  if (!options.resume.empty()) {
    if (!options.config.empty() || options.dump_config) {
      throw UsageError(
          "[train] --resume continues a run with its own configuration; only key=value, --model "
          "and --profile go with it.");
    }
    return resume_run(options.resume, write_output, {options.arguments, options.model},
                      options.profile);
  }
  if (!options.model.empty()) {
    throw UsageError("[train] --model goes with --resume; a new run takes model=DIR.");
  }
  train::Config config;
  if (!options.config.empty()) train::read_yaml(config, options.config);
  for (const std::string& argument : options.arguments) train::set_argument(config, argument);
  if (options.dump_config) {
    train::complete(config);
    if (world().is_first()) write_output(train::to_yaml(config));
    return 0;
  }
  if (world().size() > 1 && !config.is_set("gradient_accumulation_steps")) {
    config.gradient_accumulation_steps = world().size();
  }
  train::resolve(config);
  return train_run(std::move(config), write_output, {.profile = options.profile});
}

int train_run(train::Config config, const Output& print, const StartOptions& options) {
  const train::InterruptGuard guard;
  train::set_time_limit(config.max_seconds);
  for (const std::string& line : train::unread_keys(config)) note("warning: " + line);
  train::make_absolute(config);
  const bool is_first = world().is_first();
  if (is_first) {
    train::RunFolder::check_free(config.output, config.overwrite);
    require_output_folder(config.output);
    if (!options.profile.empty()) require_output_file(options.profile);
  }
  train::require_same_program(config, version_line());
  std::unique_ptr<train::Session> session;
  try {
    session = train::open_session(config, note);
  } catch (const train::Interrupted&) {
    return interrupted_early(config, options.folder);
  }
  // Columns, classes and metric as the files of own data settled them.
  config.custom = session->config.custom;
  config.metric_for_best_model = session->config.metric_for_best_model;
  train::require_same_session(*session);
  train::ProfileRun profile(is_first ? options.profile : "");
  if (options.folder) {
    options.folder->start(config);
    return train_in(*options.folder, *session, print, profile);
  }
  train::RunFolder folder = is_first ? train::RunFolder::create(config.output, config)
                                     : train::RunFolder::observe(config.output);
  return train_in(folder, *session, print, profile);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
