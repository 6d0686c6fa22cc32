// Whole runs of `train` in a test's own process.
#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <utility>

#include "tests/files.h"
#include "train/loop/finish.h"
#include "train/loop/trainer.h"
#include "train/report/threshold_path.h"
#include "train/run/resume.h"
#include "train/run/run_folder.h"

namespace soragrad::test {

inline void quiet(const std::string&) {}

// Trains what the session holds; the content of results.json.
inline nlohmann::json train_in(train::RunFolder& folder, train::Session& session,
                               const train::ResumeRecord& record = {}) {
  const train::Config& config = session.config;
  train::Trainer trainer(session, folder,
                         train::path_writer(folder, config, train::path_metric(config)));
  train::write_record(folder, record, quiet);
  REQUIRE(trainer.run());
  return train::finish_run(session, folder, trainer, {"0", "test"});
}

// From the beginning.
inline nlohmann::json run_to_end(const train::Config& config) {
  const auto session = train::open_session(config, quiet);
  train::RunFolder folder = train::RunFolder::create(config.output, config);
  return train_in(folder, *session);
}

// From the newest checkpoint of the run in this folder.
inline nlohmann::json resume(const std::string& path, const train::ResumeRequest& request = {},
                             const train::Note& note = quiet) {
  train::RunFolder folder = train::RunFolder::open(path, true);
  train::Resume resume = train::prepare_resume(folder, request, note);
  const auto session = train::open_session(resume.config, note, std::move(resume.checkpoint));
  return train_in(folder, *session, resume.record);
}

// The log without the one field that may differ.
inline std::string log_of(const std::string& run) {
  return std::regex_replace(read_text(run + "/metrics.jsonl"),
                            std::regex(", \"step_seconds\": [^,}]*"), "");
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
