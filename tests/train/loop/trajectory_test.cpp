// Thirty steps of every method against an independent program in float64, step by step. The
// reference runs and the GLUE rows that they read are shared files (tests/files.h); SKIPPED without
// them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/task.h"
#include "nn/checkpoint/checkpoint.h"
#include "tests/gpu.h"
#include "tests/train/tiny_run.h"
#include "train/loop/finish.h"
#include "train/loop/trainer.h"
#include "train/run/gate_log.h"
#include "train/run/run_folder.h"

using namespace soragrad;
using namespace soragrad::train;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// The references are exact. Another order of sums in float moves results by up to 1e-5 over thirty
// steps, as measured here; the tolerance leaves room for that.
constexpr double kTolerance = 1e-4;
// A gate this near to the threshold, and so left this small, may be zero on a GPU and not on the
// CPU.
constexpr float kNearThreshold = 1e-5f;

std::vector<json> read_lines(const fs::path& path) {
  std::vector<json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

// The first lines of a file, as another file.
void cut(const fs::path& from, const fs::path& to, int64_t lines) {
  std::ifstream in(from, std::ios::binary);
  std::ofstream out(to, std::ios::binary);
  for (std::string line; lines-- > 0 && std::getline(in, line);) out << line << '\n';
}

struct Run {
  std::vector<json> steps;
  GateHistory gates;
};

Run run_case(const fs::path& folder, const fs::path& scratch, const std::string& device) {
  const json about = json::parse(test::read_text(folder / "case.json"));
  const fs::path models = *test::shared_path("fixtures/models");
  const fs::path glue = *test::shared_path("data/glue");
  Config config;
  read_yaml(config, (folder / "config.yaml").string());
  std::vector<std::string> arguments = {
      "model=" + (models / about["model"].get<std::string>()).string(), "data=" + glue.string(),
      "output=" + (scratch / device / folder.filename()).string(), "device=" + device,
      "initial_state=" + (folder / "initial_state.safetensors").string()};
  if (about.contains("train_lines") && about["train_lines"].is_number()) {
    const std::string task = about["task"];
    const fs::path rows = scratch / (folder.filename().string() + device + ".tsv");
    cut(glue / data::find_task(task).folder / "train.tsv", rows,
        about["train_lines"].get<int64_t>());
    arguments.push_back("train_file=" + rows.string());
  }
  for (const std::string& argument : arguments) set_argument(config, argument);
  resolve(config);
  const auto session = open_session(config, [](const std::string&) {});
  RunFolder run = RunFolder::create(config.output, config);
  Trainer trainer(*session, run);
  REQUIRE(trainer.run());
  std::vector<json> steps = read_lines(run.file("metrics.jsonl"));
  std::erase_if(steps, [](const json& line) { return line.contains("split"); });
  const auto all = static_cast<int64_t>(steps.size());
  return {steps, read_gates(run.file("gates.bin"), std::max<int64_t>(all, 2))};
}

// For each step, how many gates are near the threshold in one of two runs of the same case.
std::vector<int64_t> near_threshold(const Run& a, const Run& b) {
  std::vector<int64_t> counts(a.steps.size());
  for (const Run* run : {&a, &b}) {
    for (const GateRecord& record : run->gates.records) {
      const auto step = static_cast<size_t>(record.step - 1);
      if (step >= counts.size()) continue;
      counts[step] += std::count_if(record.gates.begin(), record.gates.end(), [](float gate) {
        return gate != 0 && std::abs(gate) <= kNearThreshold;
      });
    }
  }
  return counts;
}

// `near` is how far counts may differ at each step. Returns the largest differences as a text.
std::string compare(const std::vector<json>& got, const std::vector<json>& expected,
                    const std::vector<int64_t>& near) {
  REQUIRE(got.size() == expected.size());
  std::string differences;
  for (const char* column : {"loss", "regularizer", "grad_norm", "learning_rate"}) {
    double largest = 0, worst = 0;
    for (const json& step : expected)
      largest = std::max(largest, std::abs(step[column].get<double>()));
    for (size_t i = 0; i < expected.size(); ++i) {
      const double want = expected[i][column], have = got[i][column];
      const double scale = std::max({std::abs(want), 1e-3 * largest, 1e-6});
      INFO(column << " at step " << i + 1 << ": " << have << ", expected " << want);
      CHECK(std::abs(have - want) <= kTolerance * scale);
      worst = std::max(worst, std::abs(have - want) / scale);
    }
    differences += fmt::format(" {} {:.1e}", column, worst);
  }
  for (const char* count : {"gates_zero", "budget", "kept_rank"}) {
    for (size_t i = 0; i < expected.size(); ++i) {
      if (!expected[i].contains(count)) continue;
      INFO(count << " after step " << i + 1);
      REQUIRE(got[i].contains(count));
      CHECK(std::abs(got[i][count].get<int64_t>() - expected[i][count].get<int64_t>()) <= near[i]);
    }
  }
  return differences;
}

// Gates, or entries of lora_E, that a run of this initial state has.
int64_t entries_of(const fs::path& initial_state) {
  int64_t entries = 0;
  const nn::Checkpoint file = nn::open_checkpoint(initial_state.string());
  for (const nn::StoredTensor& tensor : file.tensors()) {
    if (tensor.name.ends_with(".gate") || tensor.name.ends_with(".lora_E")) {
      entries += tensor.numel();
    }
  }
  return entries;
}

// `sparsity` is the share of zero gates (sora), of zero entries of lora_E (adalora).
void compare_sparsity(const std::vector<json>& got, const std::vector<json>& expected,
                      int64_t entries, const std::vector<int64_t>& near) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const json& want = expected[i];
    int64_t zero = 0;
    if (want.contains("gates_zero")) zero = want["gates_zero"].get<int64_t>();
    if (want.contains("kept_rank")) zero = entries - want["kept_rank"].get<int64_t>();
    INFO("sparsity after step " << i + 1);
    const double share = got[i]["sparsity"];
    CHECK(std::abs(std::llround(share * static_cast<double>(entries)) - zero) <= near[i]);
  }
}

// Repeats every reference run on a device; prints SKIPPED without the reference runs.
void repeat_all(const std::string& device) {
  const auto cases = test::shared_path("fixtures/trajectories");
  if (!cases || !test::shared_path("data/glue")) {
    MESSAGE("SKIPPED: no reference runs beside the checkout");
    return;
  }
  const test::TinyFolder scratch;
  int64_t count = 0;
  for (const auto& entry : fs::directory_iterator(*cases)) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().filename().string());
    const Run run = run_case(entry.path(), scratch.path(), device);
    std::vector<int64_t> near(run.steps.size());
    if (device != "cpu") near = near_threshold(run, run_case(entry.path(), scratch.path(), "cpu"));
    const std::vector<json> expected = read_lines(entry.path() / "expected.jsonl");
    const std::string differences = compare(run.steps, expected, near);
    compare_sparsity(run.steps, expected, entries_of(entry.path() / "initial_state.safetensors"),
                     near);
    if (device != "cpu") MESSAGE(entry.path().filename().string() << ":" << differences);
    ++count;
  }
  CHECK(count > 0);
}

}  // namespace

TEST_CASE("trajectory: every method repeats the reference run, step by step") {
  repeat_all("cpu");
}

TEST_CASE("trajectory: every method repeats the reference run on a GPU") {
  if (test::skipped_without_gpu()) return;
  repeat_all("cuda");
}

// SPDX-License-Identifier: Apache-2.0
