// Run folders: what may be overwritten, and checkpoints that appear whole or not at all.
#include "train/run/run_folder.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "tests/files.h"
#include "train/run/append_file.h"

using namespace soragrad;
using namespace soragrad::test;
using namespace soragrad::train;
namespace fs = std::filesystem;

namespace {

void touch(const std::string& path) {
  std::ofstream(path) << "x";
}

}  // namespace

TEST_CASE("run_folder: an existing run is refused unless overwrite is set") {
  const TemporaryFolder root;
  const std::string path = root / "run";
  Config config;
  { const RunFolder run = RunFolder::create(path, config); }
  CHECK(RunFolder::is_run(path));
  CHECK_THROWS_WITH_AS(RunFolder::check_free(path, false), doctest::Contains("overwrite=true"),
                       Error);
  root.write("run/results.json", "x");
  root.write("run/notes.txt", "x");
  fs::create_directories(path + "/checkpoints/step-3");
  config.overwrite = true;
  { const RunFolder run = RunFolder::create(path, config); }
  CHECK_FALSE(fs::exists(path + "/results.json"));
  CHECK_FALSE(fs::exists(path + "/checkpoints"));
  CHECK(fs::exists(path + "/notes.txt"));
}

TEST_CASE("run_folder: what is no run is never touched") {
  const TemporaryFolder root;
  root.write("photos/cat.jpg", "x");
  root.write("file", "x");
  fs::create_directories(root / "empty");
  for (const char* name : {"photos", "file"}) {
    CHECK_THROWS_AS(RunFolder::check_free(root / name, true), Error);
    CHECK_THROWS_AS(RunFolder::check_free(root / name, false), Error);
  }
  CHECK(fs::exists(root / "photos/cat.jpg"));
  RunFolder::check_free(root / "empty", false);
  RunFolder::check_free(root / "missing", false);
  CHECK_THROWS_AS(RunFolder::open(root / "photos", false), Error);
}

TEST_CASE("run_folder: what a crash left before config.yaml was there is no obstacle") {
  const TemporaryFolder root;
  const std::string path = root / "run";
  root.write("run/config.yaml.tmp.24991.70", "x");
  { const RunFolder run = RunFolder::create(path, Config{}); }
  CHECK(RunFolder::is_run(path));
  CHECK(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == 1);

  root.write("other/config.yaml.tmp.24991.70", "x");
  root.write("other/cat.jpg", "x");
  CHECK_THROWS_AS(RunFolder::create(root / "other", Config{}), Error);
}

TEST_CASE("run_folder: two processes cannot train one run") {
  const TemporaryFolder root;
  const RunFolder run = RunFolder::create(root / "run", Config{});
  CHECK_THROWS_WITH_AS(RunFolder::open(root / "run", true), doctest::Contains("another process"),
                       Error);
  Config config;
  config.overwrite = true;
  CHECK_THROWS_WITH_AS(RunFolder::create(root / "run", config),
                       doctest::Contains("another process"), Error);
  const RunFolder reader = RunFolder::open(root / "run", false);
}

TEST_CASE("run_folder: a run that another process is just making is not made again") {
  const TemporaryFolder root;
  fs::create_directories(root / "run");  // and locked, before config.yaml is there
  const int other = ::open((root / "run").c_str(), O_RDONLY | O_DIRECTORY);
  REQUIRE(::flock(other, LOCK_EX | LOCK_NB) == 0);
  CHECK(RunFolder::is_busy(root / "run"));
  CHECK_THROWS_WITH_AS(RunFolder::create(root / "run", Config{}),
                       doctest::Contains("another process"), Error);
  CHECK(fs::is_empty(root / "run"));
  ::close(other);
  CHECK_FALSE(RunFolder::is_busy(root / "run"));
  const RunFolder run = RunFolder::create(root / "run", Config{});
}

TEST_CASE("run_folder: checkpoints are kept up to the limit, unfinished ones do not count") {
  const TemporaryFolder root;
  const RunFolder run = RunFolder::create(root / "run", Config{});
  const auto write = [](const std::string& folder) { touch(folder + "/state.json"); };
  for (const int64_t step : {5, 10, 15}) run.add_checkpoint(step, 2, write);
  CHECK(run.checkpoints() == std::vector<int64_t>{10, 15});
  CHECK_THROWS_AS(run.add_checkpoint(20, 2,
                                     [](const std::string& folder) {
                                       touch(folder + "/state.json");
                                       fail("no room.");
                                     }),
                  Error);
  CHECK(run.checkpoints() == std::vector<int64_t>{10, 15});
  run.add_checkpoint(15, 2, write);  // the same step again
  CHECK(run.checkpoints() == std::vector<int64_t>{10, 15});
}

TEST_CASE("append_file: it cuts back to a length and keeps the whole lines of a shorter file") {
  const TemporaryFolder root;
  const std::string path = root / "log";
  { AppendFile(path, 0).append("one\ntwo\n"); }
  { AppendFile(path, 4).append("three\n"); }
  CHECK(read_text(path) == "one\nthree\n");
  root.write("log", "one\nthr");
  {
    AppendFile file(path, 11);
    CHECK(file.length() == 4);
    file.append("four\n");
  }
  CHECK(read_text(path) == "one\nfour\n");
}

TEST_CASE("run_folder: event files of other programs are neither used nor removed") {
  const TemporaryFolder root;
  Config config;
  config.overwrite = true;
  const std::string foreign = root.write("run/events.out.tfevents.1.host.7.0", "x");
  fs::remove(foreign);
  RunFolder::create(root / "run", config);
  root.write("run/events.out.tfevents.1.host.7.0", "x");
  root.write("run/events.out.tfevents.2.soragrad", "four");
  {
    const RunFolder run = RunFolder::open(root / "run", false);
    CHECK(run.own_event_bytes("events.out.tfevents.2.soragrad", 3) == 3);
    CHECK(run.own_event_bytes("events.out.tfevents.2.soragrad", 5) == 0);
    CHECK(run.own_event_bytes("gone", 1) == 0);
    CHECK(run.new_event_file(7).ends_with(".soragrad"));
    CHECK(fs::exists(root / "run/events.out.tfevents.2.soragrad"));
    run.new_event_file(0);
    CHECK_FALSE(fs::exists(root / "run/events.out.tfevents.2.soragrad"));
  }
  RunFolder::create(root / "run", config);
  CHECK(read_text(foreign) == "x");
}

// SPDX-License-Identifier: Apache-2.0
