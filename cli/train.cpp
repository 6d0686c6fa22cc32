#include "cli/train.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "cli/output_file.h"
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
#include "train/config/yaml_file.h"
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
#include "train/run/run_inputs.h"

namespace soragrad::cli {

namespace {

// Prints that a request to stop has ended a run, and returns the exit code.
int interrupted(const std::string& after, const std::string& what_goes_on) {
  const int reason = train::interrupted_by();
  log_line(fmt::format("stopped by {} {}; {} goes on", train::interruption_text(reason), after,
                       what_goes_on));
  return train::exit_code_of(reason);
}

std::string resume_command(const std::string& folder) {
  return fmt::format("`soragrad train --resume {}`", folder);
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
                                {"config", train::to_yaml(resume.config)},
                                {"checkpoint", found.folder},
                                {"phase_ended", found.state.phase_ended}};
  const nlohmann::json shared = nlohmann::json::parse(all.broadcast_text(facts.dump()));
  if (all.is_first()) return;
  shared.at("complete").get_to(resume.complete);
  train::read_yaml_text(resume.config, shared.at("config"), folder.file("config.yaml"));
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

// What a run is given beside its folder and session.
struct Surroundings {
  const Output& print;
  train::ProfileRun& profile;
  train::ResumeRecord record = {};  // of a run that goes on
};

int train_in(train::RunFolder& folder, train::Session& session, const Surroundings& with) {
  train::connect_gpus(session.device);
  tell_processes(session);
  record_split(session, folder);
  train::Trainer trainer(
      session, folder,
      train::path_writer(folder, session.config, train::path_metric(session.config)));
  if (folder.writes()) train::write_record(folder, with.record, log_line);
  nlohmann::json results;
  bool is_complete = trainer.run();
  with.profile.finish();
  try {
    if (is_complete) results = train::finish_run(session, folder, trainer, version());
  } catch (const train::Interrupted&) {
    is_complete = false;
  }
  if (!is_complete) {
    return interrupted(fmt::format("after step {}", trainer.state().step),
                       resume_command(folder.path()));
  }
  if (!folder.writes()) return 0;
  write_run_page(folder.path());
  with.print(fmt::format("{}results in {}\n", train::summary_text(results), folder.path()));
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
      resume_command(config.output));
}

}  // namespace

void require_base_there(const std::string& model) {
  require(is_folder(model),
          "[resume] the base model is not at {} any more; name its folder by --model DIR.",
          shown(model));
}

int resume_run(const std::string& path, const Output& print, const train::ResumeRequest& request,
               const std::string& profile_file) {
  const train::InterruptGuard guard;
  const bool is_first = world().is_first();
  train::RunFolder folder =
      is_first ? train::RunFolder::open(path, true) : train::RunFolder::observe(path);
  train::Resume resume;
  if (is_first) resume = train::prepare_resume(folder, request, log_line);
  share(resume, folder);
  train::require_same_program(resume.config, version_line());
  if (resume.complete) {
    if (is_first) print(folder.path() + " is complete; nothing to do.\n");
    return 0;
  }
  train::set_time_limit(resume.config.max_seconds);
  require_base_there(resume.config.model);
  resume.config.custom.columns_were_found = train::may_have_found_columns(resume.config);
  std::unique_ptr<train::Session> session;
  try {
    session = train::open_session(resume.config, log_line, std::move(resume.checkpoint));
  } catch (const train::Interrupted&) {
    return interrupted("before it went on", "the same command");
  }
  train::require_same_session(*session);
  train::ProfileRun profile(is_first ? profile_file : "");
  return train_in(folder, *session, {print, profile, std::move(resume.record)});
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
  for (const std::string& line : train::unread_keys(config)) log_line("warning: " + line);
  train::make_absolute(config);
  const bool is_first = world().is_first();
  if (is_first) {
    train::RunFolder::check_free(config.output, config.overwrite);
    train::refuse_to_empty_inputs(config);
    require_output_folder(config.output);
    if (!options.profile.empty()) require_result_file(options.profile);
  }
  train::require_same_program(config, version_line());
  std::unique_ptr<train::Session> session;
  try {
    session = train::open_session(config, log_line);
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
    return train_in(*options.folder, *session, {print, profile});
  }
  train::RunFolder folder = is_first ? train::RunFolder::create(config.output, config)
                                     : train::RunFolder::observe(config.output);
  return train_in(folder, *session, {print, profile});
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
