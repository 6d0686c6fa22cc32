// Run folders: what may be overwritten, and checkpoints that appear whole or not at all.
#include "train/run_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "tests/train/tiny_run.h"
#include "train/append_file.h"

using namespace soragrad;
using namespace soragrad::train;
namespace fs = std::filesystem;

namespace {

struct Temporary {
  fs::path path;
  Temporary() {
    std::string name = (fs::temp_directory_path() / "soragrad_XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Temporary() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};

void touch(const std::string& path) {
  std::ofstream(path) << "x";
}

}  // namespace

TEST_CASE("run_folder: an existing run is refused unless overwrite is set") {
  const Temporary root;
  const std::string path = root / "run";
  Config config;
  { const RunFolder run = RunFolder::create(path, config); }
  CHECK(RunFolder::is_run(path));
  CHECK_THROWS_WITH_AS(RunFolder::check_free(path, false), doctest::Contains("overwrite=true"),
                       Error);
  touch(path + "/results.json");
  touch(path + "/notes.txt");
  fs::create_directories(path + "/checkpoints/step-3");
  config.overwrite = true;
  { const RunFolder run = RunFolder::create(path, config); }
  CHECK_FALSE(fs::exists(path + "/results.json"));
  CHECK_FALSE(fs::exists(path + "/checkpoints"));
  CHECK(fs::exists(path + "/notes.txt"));
}

TEST_CASE("run_folder: what is no run is never touched") {
  const Temporary root;
  fs::create_directories(root / "photos");
  touch((root / "photos") + "/cat.jpg");
  touch(root / "file");
  fs::create_directories(root / "empty");
  for (const char* name : {"photos", "file"}) {
    CHECK_THROWS_AS(RunFolder::check_free(root / name, true), Error);
    CHECK_THROWS_AS(RunFolder::check_free(root / name, false), Error);
  }
  CHECK(fs::exists((root / "photos") + "/cat.jpg"));
  RunFolder::check_free(root / "empty", false);
  RunFolder::check_free(root / "missing", false);
  CHECK_THROWS_AS(RunFolder::open(root / "photos", false), Error);
}

TEST_CASE("run_folder: what a crash left before config.yaml was there is no obstacle") {
  const Temporary root;
  const std::string path = root / "run";
  fs::create_directories(path);
  touch(path + "/config.yaml.tmp.24991.70");
  { const RunFolder run = RunFolder::create(path, Config{}); }
  CHECK(RunFolder::is_run(path));
  CHECK(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == 1);

  fs::create_directories(root / "other");
  touch((root / "other") + "/config.yaml.tmp.24991.70");
  touch((root / "other") + "/cat.jpg");
  CHECK_THROWS_AS(RunFolder::create(root / "other", Config{}), Error);
}

TEST_CASE("run_folder: two processes cannot train one run") {
  const Temporary root;
  const RunFolder run = RunFolder::create(root / "run", Config{});
  CHECK_THROWS_WITH_AS(RunFolder::open(root / "run", true), doctest::Contains("another process"),
                       Error);
  const RunFolder reader = RunFolder::open(root / "run", false);
}

TEST_CASE("run_folder: checkpoints are kept up to the limit, unfinished ones do not count") {
  const Temporary root;
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

TEST_CASE("append_file: it cuts back to a length and refuses a file that is shorter") {
  const Temporary root;
  const std::string path = root / "log";
  { AppendFile(path, 0).append("one\ntwo\n"); }
  { AppendFile(path, 4).append("three\n"); }
  CHECK(test::read_text(path) == "one\nthree\n");
  CHECK_THROWS_AS(AppendFile(path, 11), Error);
}
