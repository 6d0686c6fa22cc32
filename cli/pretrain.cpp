#include "cli/pretrain.h"

#include <fmt/format.h>

#include <optional>
#include <string>

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
#include "train/run/resume.h"
#include "train/run/run_folder.h"
#include "train/run/run_inputs.h"

namespace soragrad::cli {

namespace {

// `resume` is empty for a run that begins.
int pretrain_in(train::RunFolder& folder, train::PretrainSession& session,
                const train::PretrainResume& resume, const std::string& profile_file) {
  train::ProfileRun profile(profile_file);
  train::Pretrainer trainer(session, folder, resume.checkpoint);
  train::write_record(folder, resume.record, log_line);
  const bool is_complete = trainer.run();
  profile.finish();
  if (!is_complete) {
    const int reason = train::interrupted_by();
    log_line(fmt::format("stopped by {} after step {}; `soragrad pretrain --resume {}` goes on",
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
  if (!options.config.empty() || options.dump_config) {
    throw UsageError(
        "[pretrain] --resume continues a run with its own configuration; only key=value and "
        "--model DIR may change it.");
  }
  train::RunFolder folder = train::RunFolder::open(options.resume, true);
  const train::PretrainResume resume =
      train::prepare_pretrain_resume(folder, {options.arguments, options.model}, log_line);
  if (resume.complete) {
    write_output(folder.path() + " is complete; nothing to do.\n");
    return 0;
  }
  train::set_time_limit(resume.config.max_seconds);
  require_base_there(resume.config.model);
  const auto session = train::open_pretrain_session(resume.config, log_line, !resume.checkpoint);
  return pretrain_in(folder, *session, resume, options.profile);
}

}  // namespace

int pretrain_main(const TrainOptions& options) {
  require_alone("pretrain");
  if (!options.resume.empty()) return resume(options);
  if (!options.model.empty()) {
    throw UsageError("[pretrain] --model goes with --resume; a new run takes model=DIR.");
  }
  train::Config config;
  config.verb = train::Verb::pretrain;
  if (!options.config.empty()) train::read_yaml(config, options.config);
  for (const std::string& argument : options.arguments) train::set_argument(config, argument);
  if (options.dump_config) {
    write_output(train::to_yaml(config));
    return 0;
  }
  train::resolve_pretraining(config);
  for (const std::string& line : train::unread_keys(config)) log_line("warning: " + line);
  train::make_absolute(config);
  const train::InterruptGuard guard;
  train::set_time_limit(config.max_seconds);
  train::RunFolder::check_free(config.output, config.overwrite);
  train::refuse_to_empty_inputs(config);
  require_output_folder(config.output);
  const auto session = train::open_pretrain_session(config, log_line);
  train::RunFolder folder = train::RunFolder::create(config.output, session->config);
  return pretrain_in(folder, *session, {}, options.profile);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
