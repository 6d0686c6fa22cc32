#include "train/run/run_logs.h"

#include "core/error.h"

namespace soragrad::train {

void write_log_state(const LogState& state, nlohmann::json& numbers) {
  numbers["metrics_bytes"] = state.metrics_bytes;
  numbers["event_bytes"] = state.event_bytes;
  numbers["event_file"] = state.event_file;
  if (!state.unlogged.empty()) numbers["unlogged"] = state.unlogged;
}

LogState read_log_state(const nlohmann::json& numbers, const std::string& where) {
  LogState state;
  numbers.at("metrics_bytes").get_to(state.metrics_bytes);
  numbers.at("event_bytes").get_to(state.event_bytes);
  state.event_file = numbers.value("event_file", "");  // old checkpoints have none
  state.unlogged = numbers.value("unlogged", "");
  require(state.metrics_bytes >= 0 && state.event_bytes >= 0,
          "[checkpoint] {} is damaged: the length of a log is negative.", where);
  require(state.event_file.find('/') == state.event_file.npos,
          "[checkpoint] {} is damaged: event_file is no name in the run's folder.", where);
  return state;
}

RunLogs::RunLogs(const RunFolder& folder, LogState& state, int64_t step, const Note& note)
    : folder_(folder), state_(state) {
  if (!folder.writes()) return;
  folder.require_own();
  metrics_ = std::make_unique<AppendFile>(folder.file("metrics.jsonl"), state.metrics_bytes);
  if (metrics_->length() < state.metrics_bytes) {
    note(fmt::format("metrics.jsonl lacks {} bytes of the steps before; it goes on",
                     state.metrics_bytes - metrics_->length()));
  }
  if (!state.unlogged.empty()) metrics_->append(std::exchange(state.unlogged, {}));
  state.event_bytes = folder.own_event_bytes(state.event_file, state.event_bytes);
  if (state.event_bytes == 0) state.event_file = folder.new_event_file(step);
  events_ = std::make_unique<EventFile>(folder.file(state.event_file), state.event_bytes);
  mark();
}

void RunLogs::append(const std::string& lines) {
  if (!metrics_) return;
  folder_.require_own();
  metrics_->append(lines);
}

void RunLogs::append_step(std::string line) {
  state_.unlogged = std::move(line);
  append(state_.unlogged);
  state_.unlogged.clear();
  mark();
}

void RunLogs::add_events(int64_t step, std::span<const std::pair<std::string, double>> scalars) {
  if (events_) events_->add(step, scalars);
}

void RunLogs::mark() {
  if (!metrics_) return;
  state_.metrics_bytes = metrics_->length();
  state_.event_bytes = events_->length();
}

void RunLogs::sync() {
  if (metrics_) metrics_->sync();
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
