// Algorithm 1: the path of thresholds against an independent program in float64
// (tests/golden/make_schedule_goldens.py), step by step and phase by phase, and its reports.
#include "train/report/threshold_path.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "nn/checkpoint/checkpoint.h"
#include "tests/train/json_lines.h"
#include "tests/train/tiny_run.h"
#include "tests/train/whole_run.h"
#include "train/loop/open_trained.h"
#include "train/loop/trainer.h"

using namespace soragrad;
using namespace soragrad::train;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// Float against float64 over up to 84 steps: another order of summation strays by less than this.
constexpr double kStepTolerance = 1e-4, kStateTolerance = 5e-4;

const fs::path kGolden = fs::path(SORAGRAD_SOURCE_DIR) / "tests/golden/schedule";

// Trains the golden case into scratch/CASE and returns results.json's content.
json run_case(const fs::path& folder, const fs::path& scratch) {
  Config config;
  read_yaml(config, (folder / "config.yaml").string());
  for (const std::string& argument :
       {"model=" + (kGolden / "model").string(), "data=" + kGolden.string(),
        "output=" + (scratch / folder.filename()).string(), std::string("device=cpu"),
        "initial_state=" + (folder / "initial_state.safetensors").string()}) {
    set_argument(config, argument);
  }
  resolve(config);
  return test::run_to_end(config);
}

void compare_path(const std::vector<json>& got, const std::vector<json>& expected) {
  REQUIRE(got.size() == expected.size());
  for (const char* column : {"loss", "regularizer", "grad_norm", "learning_rate", "xi"}) {
    double largest = 0;
    for (const json& step : expected) {
      largest = std::max(largest, std::abs(step[column].get<double>()));
    }
    for (size_t i = 0; i < expected.size(); ++i) {
      const double want = expected[i][column], have = got[i][column];
      const double scale = std::max({std::abs(want), 1e-3 * largest, 1e-6});
      INFO(column << " at step " << i + 1 << ": " << have << ", expected " << want);
      CHECK(std::abs(have - want) <= kStepTolerance * scale);
    }
  }
  for (const char* count : {"phase", "gates_zero"}) {
    for (size_t i = 0; i < expected.size(); ++i) {
      INFO(count << " after step " << i + 1);
      CHECK(got[i][count] == expected[i][count]);
    }
  }
}

void compare_state(const fs::path& got_file, const fs::path& expected_file) {
  const nn::Checkpoint got = nn::open_checkpoint(got_file);
  const nn::Checkpoint expected = nn::open_checkpoint(expected_file);
  CHECK(got.tensors().size() == expected.tensors().size());
  for (const nn::StoredTensor& tensor : expected.tensors()) {
    CAPTURE(tensor.name);
    std::vector<float> a(static_cast<size_t>(tensor.numel())), b(a.size());
    expected.copy_to(tensor.name, std::span<float>(a));
    got.copy_to(tensor.name, std::span<float>(b));
    double difference = 0, norm = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
      norm += std::pow(static_cast<double>(a[i]), 2);
    }
    const double floor = 1e-3 * std::sqrt(static_cast<double>(a.size()));
    CHECK(std::sqrt(difference) <= kStateTolerance * std::max(std::sqrt(norm), floor));
  }
}

void compare_phases(const json& got, const json& expected) {
  REQUIRE(got["phases"].size() == expected["phases"].size());
  for (size_t i = 0; i < expected["phases"].size(); ++i) {
    for (const auto& [name, want] : expected["phases"][i].items()) {
      INFO("phase " << i << ": " << name);
      const json& have = got["phases"][i][name];
      if (want.is_number_float()) {
        CHECK(have.get<double>() == doctest::Approx(want.get<double>()).epsilon(1e-9));
      } else {
        CHECK(have == want);
      }
    }
  }
}

json record(int64_t phase, int64_t zero, int64_t stored, json train, json validation) {
  return {{"phase", phase},
          {"xi", 0.1 * static_cast<double>(phase)},
          {"last_step", 10 * (phase + 1)},
          {"gates", 8},
          {"gates_zero", zero},
          {"stored_parameters", stored},
          {"train_sample_rows", 44},
          {"train_sample", {{"accuracy", train}}},
          {"validation", {{"accuracy", validation}}}};
}

}  // namespace

TEST_CASE("path: every schedule repeats the reference run, step by step and phase by phase") {
  const test::TinyFolder scratch;
  for (const char* name : {"linear", "log_linear", "exp_linear"}) {
    CAPTURE(name);
    const fs::path folder = kGolden / name, run = scratch / name;
    const json results = run_case(folder, scratch.path());
    const json expected = json::parse(test::read_text(folder / "phases.json"));
    std::vector<json> steps = test::read_lines(run / "metrics.jsonl");
    std::erase_if(steps, [](const json& line) { return line.contains("split"); });
    compare_path(steps, test::read_lines(folder / "expected.jsonl"));
    compare_state(run / "final/adapter_model.safetensors", folder / "final_state.safetensors");
    compare_phases(json::parse(test::read_text(run / "path.json")), expected);
    CHECK(results["best_step"] == expected["best_step"]);
  }
}

TEST_CASE("path: the model of each phase is one that can be opened, with the phase's gates") {
  const test::TinyFolder tiny;
  const Config config =
      tiny.config("run", {"schedule=linear", "xi=0.1", "xi_max=2", "xi_steps=3", "phase_epochs=1",
                          "sparse_lr=0.05", "num_train_epochs=3"});
  const auto session = open_session(config, [](const std::string&) {});
  RunFolder folder = RunFolder::create(config.output, config);
  Trainer trainer(*session, folder, path_writer(folder, config, path_metric(config)));
  REQUIRE(trainer.run());
  const json path = json::parse(test::read_text(folder.file("path.json")));
  REQUIRE(path["phases"].size() == 3);
  CHECK(path["train_rows"] == 44);
  const auto open = [&](int64_t phase) {
    return open_trained({.run = config.output, .device = "cpu", .phase = phase},
                        [](const std::string&) {});
  };
  for (const json& phase : path["phases"]) {
    const Trained trained = open(phase["phase"].get<int64_t>());
    const sora::Sparsity sparsity = trained.method->sparsity();
    CHECK(sparsity.total - sparsity.zero == phase["gates_kept"].get<int64_t>());
    CHECK(trained.method->counts().stored == phase["stored_parameters"].get<int64_t>());
  }
  CHECK_THROWS_WITH_AS(open(3), doctest::Contains("has no phases/phase-3"), Error);
}

TEST_CASE("path: percentages count from phase 0, and the front holds what nothing beats") {
  const json phases = json::array({record(0, 0, 100, 0.8, 0.5), record(1, 2, 80, 0.6, 0.55),
                                   record(2, 4, 60, 0.4, 0.5), record(3, 4, 60, 0.4, 0.45),
                                   record(4, 6, 40, nullptr, 0.25), record(5, 6, 40, 0.2, 0.25)});
  const ThresholdPath path = read_path(phases, "accuracy");
  std::vector<bool> front;
  for (const PathPoint& point : path.points) front.push_back(point.on_front);
  CHECK(front == std::vector<bool>{false, true, true, false, true, true});
  CHECK(path.points[1].memorization == doctest::Approx(75));
  CHECK(path.points[1].generalization == doctest::Approx(110));
  CHECK(std::isnan(path.points[4].memorization));
  CHECK(path.points[5].kept == 2);

  const std::string csv = to_csv(path_table(path, false));
  CHECK(test::contains(csv, "\n1,0.1,20,6,8,80,0.6,0.55,,75,110,1\n"));
  CHECK(test::contains(csv, "\n4,0.4,50,2,8,40,,0.25,,,50,1\n"));
  const std::string html = path_html(path);
  CHECK(test::contains(html, "memorization (training rows)"));
  CHECK_FALSE(test::contains(html, "nan"));
  CHECK_THROWS_WITH_AS(read_path(json::array({json::object()}), "accuracy"),
                       doctest::Contains("is damaged"), Error);
}

// SPDX-License-Identifier: Apache-2.0
