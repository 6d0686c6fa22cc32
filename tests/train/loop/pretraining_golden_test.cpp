// Runs of pre-training by an independent program in float64, repeated step by step: the small ones
// of tests/golden/make_pretraining_goldens.py, and the shared reference runs where they are at
// hand.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/json.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/state_dict.h"
#include "tests/files.h"
#include "tests/train/pretraining_runs.h"

using namespace soragrad;
using namespace soragrad::train;
using nlohmann::json;
using soragrad::test::compare_steps;
namespace fs = std::filesystem;

namespace {

// Sum and 2-norm of each exported tensor.
void compare_final(const json& expected, const fs::path& run) {
  const nn::Checkpoint main = nn::open_checkpoint(run / "final");
  for (const auto& [name, want] : expected.items()) {
    CAPTURE(name);
    const bool generator = name.starts_with("generator.");
    const Tensor tensor =
        generator
            ? nn::load_tensor(nn::open_checkpoint(run / "final" / "generator"), name.substr(10))
            : nn::load_tensor(main, name);
    double sum = 0, squares = 0;
    for (const real value : tensor.to_vector()) {
      sum += static_cast<double>(value);
      squares += static_cast<double>(value) * static_cast<double>(value);
    }
    const double norm = want[1].get<double>();
    CHECK(std::abs(sum - want[0].get<double>()) < test::kTolerance * (1 + norm));
    CHECK(std::sqrt(squares) == doctest::Approx(norm).epsilon(test::kTolerance));
  }
}

}  // namespace

TEST_CASE("pretraining: every objective and sharing repeats a run by PyTorch in float64") {
  const test::TemporaryFolder scratch;
  int repeated = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(SORAGRAD_SOURCE_DIR) / "tests/golden/pretraining")) {
    const fs::path& folder = entry.path();
    CAPTURE(folder.string());
    const json about = read_json_object(folder / "case.json");
    compare_steps(test::repeat_golden(folder, scratch.path()),
                  about["steps"].get<std::vector<json>>());
    compare_final(about["final"], scratch.path() / folder.filename());
    ++repeated;
  }
  CHECK(repeated == 6);
}

TEST_CASE("pretraining: repeats the shared reference runs") {
  const auto cases = test::shared_path("fixtures/pretraining");
  const auto models = test::shared_path("fixtures/models");
  if (!cases || !models) {
    MESSAGE("SKIPPED: no shared fixtures");
    return;
  }
  const test::TemporaryFolder scratch;
  int repeated = 0;
  for (const auto& entry : fs::directory_iterator(*cases)) {
    if (!entry.is_directory()) continue;
    const fs::path& folder = entry.path();
    CAPTURE(folder.string());
    const json about = read_json_object(folder / "case.json");
    const fs::path model = scratch.path() / ("model-" + folder.filename().string());
    fs::copy(*models / about["model"].get<std::string>(), model);
    fs::remove(model / "model.safetensors");
    Config config;
    config.verb = Verb::pretrain;
    read_yaml(config, (folder / "config.yaml").string());
    compare_steps(test::repeat(config, folder, model, scratch.path() / folder.filename()),
                  test::read_lines(folder / "expected.jsonl"));
    ++repeated;
  }
  CHECK(repeated >= 6);
}

// SPDX-License-Identifier: Apache-2.0
