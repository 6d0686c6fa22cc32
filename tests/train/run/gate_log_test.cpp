// gates.bin: what is written is read, and a run that goes on leaves the bytes of one that never
// stopped.
#include "train/run/gate_log.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::train;
using soragrad::test::contains;
using soragrad::test::message_of;
using soragrad::test::read_text;

namespace {

const std::vector<sora::ModuleRank> kModules{{"layer.0.query", 2, 2}, {"layer.1.value", 3, 3}};

std::vector<real> gates_at(int64_t step) {
  const auto s = static_cast<real>(step);
  return {s, -s, 0, s / 2, 0};
}

void write_steps(GateLog& log, int64_t first, int64_t last) {
  for (int64_t step = first; step <= last; step += 10) {
    log.append(step, 0.5 * static_cast<double>(step), gates_at(step));
  }
}

}  // namespace

TEST_CASE("gate_log: steps, thresholds and gates come back; the last record tells the ranks") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "gates.bin";
  CHECK(read_gates(path, 100).records.empty());
  GateLog log(path, kModules, 0);
  write_steps(log, 10, 50);
  CHECK(log.last_step() == 50);
  const GateHistory history = read_gates(path, 100);
  REQUIRE(history.records.size() == 5);
  CHECK(history.gates() == 5);
  CHECK(history.records[1].step == 20);
  CHECK(history.records[1].threshold_sum == 10);
  CHECK(history.records[1].gates == std::vector<float>{20, -20, 0, 10, 0});
  REQUIRE(history.modules.size() == 2);
  CHECK(history.modules[0].module == "layer.0.query");
  CHECK(history.modules[0].kept == 2);
  CHECK(history.modules[1].kept == 1);
  CHECK(history.modules[1].rank == 3);
}

TEST_CASE("gate_log: a thinned history keeps the first and the last record") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "gates.bin";
  GateLog log(path, kModules, 0);
  write_steps(log, 10, 1000);
  const GateHistory history = read_gates(path, 7);
  CHECK(history.logged == 100);
  REQUIRE(history.records.size() == 7);
  CHECK(history.records.front().step == 10);
  CHECK(history.records.back().step == 1000);
}

TEST_CASE("gate_log: going on after a step leaves the bytes of an undisturbed run") {
  const test::TemporaryFolder folder;
  const std::string whole = folder / "whole.bin", path = folder / "gates.bin";
  {
    GateLog log(whole, kModules, 0);
    write_steps(log, 10, 80);
  }
  {
    GateLog log(path, kModules, 0);
    write_steps(log, 10, 60);
  }
  int64_t resumed_at = 40;
  SUBCASE("later records are cut off") {}
  SUBCASE("half a record is cut off") {
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  }
  SUBCASE("a step between two records") {
    resumed_at = 45;
  }
  GateLog log(path, kModules, resumed_at);
  CHECK(log.last_step() == 40);
  write_steps(log, 50, 80);
  CHECK(read_text(path) == read_text(whole));
}

TEST_CASE("gate_log: a file of other modules, and one of a run that begins, are begun anew") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "gates.bin";
  {
    GateLog log(path, kModules, 0);
    write_steps(log, 10, 30);
  }
  SUBCASE("other modules") {
    const std::vector<sora::ModuleRank> others{{"layer.0.key", 4, 4}};
    const GateLog log(path, others, 30);
    CHECK(log.last_step() == 0);
    CHECK(read_gates(path, 9).modules.at(0).module == "layer.0.key");
  }
  SUBCASE("a new run") {
    const GateLog log(path, kModules, 0);
    CHECK(log.last_step() == 0);
  }
  CHECK(read_gates(path, 9).records.empty());
}

TEST_CASE("gate_log: a wrong number of gates and damaged files are refused") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "gates.bin";
  GateLog log(path, kModules, 0);
  const std::vector<real> few{1, 2};
  CHECK(contains(message_of([&] { log.append(10, 0, few); }), "2 gates do not fit a file of 5"));
  for (const char* text :
       {"", "soragrad gates 2\n{}\n", "soragrad gates 1\n{}\n", "soragrad gates 1\n[",
        "soragrad gates 1\n{\"modules\": [[\"a\", -1]]}\n",
        "soragrad gates 1\n{\"modules\": [[\"a\", 99999999999]]}\n",
        "soragrad gates 1\n{\"modules\": [3]}\n"}) {
    CAPTURE(text);
    const std::string damaged = folder.write("damaged.bin", text);
    CHECK(contains(message_of([&] { read_gates(damaged, 9); }), "damaged.bin"));
  }
}

// SPDX-License-Identifier: Apache-2.0
