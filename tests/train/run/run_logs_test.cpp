// The logs of a run: where they go on, and what a failed write leaves behind.
#include "train/run/run_logs.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::test;
using namespace soragrad::train;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kMost = 16 << 20;  // bytes; more than any other file that a test program writes
const Note kQuiet = [](const std::string&) {};
const std::pair<std::string, double> kScalars[] = {{"train/loss", 0.5}};

RunFolder new_run(const TemporaryFolder& root) {
  Config config;
  config.overwrite = true;
  return RunFolder::create(root / "run", config);
}

// While it lives, no file can grow beyond `bytes`.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("run_logs: what came after the last mark is cut off when the run goes on") {
  const TemporaryFolder root;
  const RunFolder run = new_run(root);
  LogState state;
  {
    RunLogs logs(run, state, 0, kQuiet);
    logs.append("one\n");
    logs.add_events(1, kScalars);
    logs.mark();
    logs.append("two\n");
    logs.add_events(2, kScalars);
  }
  const std::string events = run.file(state.event_file);
  CHECK(read_text(events).size() > static_cast<size_t>(state.event_bytes));
  RunLogs logs(run, state, 1, kQuiet);
  CHECK(read_text(run.file("metrics.jsonl")) == "one\n");
  CHECK(read_text(events).size() == static_cast<size_t>(state.event_bytes));
  logs.append("three\n");
  CHECK(read_text(run.file("metrics.jsonl")) == "one\nthree\n");
}

TEST_CASE(
    "run_logs: the line of a step that cannot be written is written by the run that resumes") {
  const TemporaryFolder root;
  const RunFolder run = new_run(root);
  const std::string two(kMost, '2');
  LogState state;
  {
    RunLogs logs(run, state, 0, kQuiet);
    logs.append_step("one\n");
    CHECK(state.metrics_bytes == 4);
    const FileLimit limit(kMost);
    CHECK_THROWS_AS(logs.append_step(two), Error);
  }
  CHECK(state.unlogged == two);
  CHECK(state.metrics_bytes == 4);
  nlohmann::json numbers;
  write_log_state(state, numbers);
  LogState resumed = read_log_state(numbers, "state.json");
  CHECK(resumed.event_file == state.event_file);
  const RunLogs logs(run, resumed, 2, kQuiet);
  CHECK(read_text(run.file("metrics.jsonl")) == "one\n" + two);
  CHECK(resumed.unlogged.empty());
  CHECK(resumed.metrics_bytes == 4 + kMost);
}

TEST_CASE("run_logs: a log that became shorter goes on with a note") {
  const TemporaryFolder root;
  const RunFolder run = new_run(root);
  LogState state;
  { RunLogs(run, state, 0, kQuiet).append_step("one\n"); }
  fs::resize_file(run.file("metrics.jsonl"), 0);
  std::vector<std::string> notes;
  RunLogs logs(run, state, 1, [&](const std::string& line) { notes.push_back(line); });
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] == "metrics.jsonl lacks 4 bytes of the steps before; it goes on");
  logs.append_step("two\n");
  CHECK(read_text(run.file("metrics.jsonl")) == "two\n");
}

TEST_CASE("run_logs: a process that does not write leaves the logs alone") {
  const TemporaryFolder root;
  const RunFolder run = new_run(root);
  const RunFolder other = RunFolder::observe(run.path());
  LogState state;
  RunLogs logs(other, state, 0, kQuiet);
  logs.append_step("one\n");
  logs.add_events(1, kScalars);
  logs.mark();
  logs.sync();
  CHECK_FALSE(fs::exists(run.file("metrics.jsonl")));
  CHECK(state.metrics_bytes == 0);
}

TEST_CASE("run_logs: numbers that no log can have are refused") {
  const nlohmann::json good = {{"metrics_bytes", 1}, {"event_bytes", 2}, {"event_file", "e"}};
  CHECK(read_log_state(good, "state.json").event_bytes == 2);
  nlohmann::json bad = good;
  bad["event_bytes"] = -2;
  CHECK_THROWS_WITH_AS(read_log_state(bad, "state.json"),
                       "[checkpoint] state.json is damaged: the length of a log is negative.",
                       Error);
  bad = good;
  bad["event_file"] = "../e";
  CHECK_THROWS_WITH_AS(
      read_log_state(bad, "state.json"),
      "[checkpoint] state.json is damaged: event_file is no name in the run's folder.", Error);
}

// SPDX-License-Identifier: Apache-2.0
