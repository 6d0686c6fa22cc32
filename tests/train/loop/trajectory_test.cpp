// Thirty steps of every method against an independent program in float64, step by step; SKIPPED
// without the shared reference runs.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nn/checkpoint/checkpoint.h"
#include "tests/gpu.h"
#include "tests/train/reference_run.h"

using namespace soragrad;
using nlohmann::json;
using test::ReferenceRun;
namespace fs = std::filesystem;

namespace {

// The references are exact. Another order of sums in float moves results by up to 1e-5 over thirty
// steps, as measured here; the tolerance leaves room for that.
constexpr double kTolerance = 1e-4;
// A gate this near to the threshold, and so left this small, may be zero on a GPU and not on the
// CPU.
constexpr float kNearThreshold = 1e-5f;

// For each step, how many gates are near the threshold in one of two runs of the same case.
std::vector<int64_t> near_threshold(const ReferenceRun& a, const ReferenceRun& b) {
  std::vector<int64_t> counts(a.steps.size());
  for (const ReferenceRun* run : {&a, &b}) {
    for (const train::GateRecord& record : run->gates.records) {
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
  const test::TemporaryFolder scratch;
  int64_t count = 0;
  for (const auto& entry : fs::directory_iterator(*cases)) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().filename().string());
    const ReferenceRun run = test::repeat_reference(entry.path(), scratch, {.device = device});
    std::vector<int64_t> near(run.steps.size());
    if (device != "cpu")
      near = near_threshold(run, test::repeat_reference(entry.path(), scratch, {}));
    const std::vector<json> expected = test::read_lines(entry.path() / "expected.jsonl");
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
