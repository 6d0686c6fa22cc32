// The two logs that every run appends to: metrics.jsonl and its TensorBoard event file. A
// checkpoint holds how far they were written, so a resumed run cuts off what came after it.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "train/run/append_file.h"
#include "train/run/event_file.h"
#include "train/run/note.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

// The part of a run's state that tells how far its logs are written.
struct LogState {
  int64_t metrics_bytes = 0, event_bytes = 0;  // lengths of the logs
  std::string event_file;                      // its name in the run's folder
  std::string unlogged;  // lines of metrics.jsonl that could not be written; empty: none
};

void write_log_state(const LogState& state, nlohmann::json& numbers);
// Throws nlohmann's exception if a number is missing or has another type, and an Error that names
// the file `where` if one is out of range.
LogState read_log_state(const nlohmann::json& numbers, const std::string& where);

class RunLogs {
 public:
  // Opens the logs where `state` ends, or begins them at `step`, and keeps `state` up to date. Logs
  // of a folder that does not write (RunFolder::observe()) ignore what is appended.
  RunLogs(const RunFolder& folder, LogState& state, int64_t step, const Note& note);

  void append(const std::string& lines);
  // The line of a step. If it cannot be written, a checkpoint of the step keeps it, since the step
  // is done; the run that resumes writes it.
  void append_step(std::string line);
  void add_events(int64_t step, std::span<const std::pair<std::string, double>> scalars);
  // The state fits the logs as they are now: what a checkpoint counts as written.
  void mark();
  void sync();  // metrics.jsonl, to the disk

 private:
  const RunFolder& folder_;
  LogState& state_;
  std::unique_ptr<AppendFile> metrics_;  // null: the folder does not write
  std::unique_ptr<EventFile> events_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
