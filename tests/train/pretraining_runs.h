// Runs of pre-training by another program, repeated: shared by the tests on the CPU and on emulated
// CUDA.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "tests/files.h"
#include "tests/train/json_lines.h"
#include "train/loop/pretrain_finish.h"
#include "train/loop/pretrainer.h"

namespace soragrad::test {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kTolerance = 1e-5;  // measured: losses to 1e-7, norms to 1e-6
constexpr double kSameShare = 1e-6;  // shares have nine digits in the log
constexpr double kTooClose = 1e-4;   // a decision by less than this may turn out otherwise

// Runs the case's batches from its initial state, and returns the lines of the log.
inline std::vector<json> repeat(train::Config config, const fs::path& folder, const fs::path& model,
                                const fs::path& output, const std::string& device = "cpu") {
  using namespace train;
  for (const auto& [key, value] : {std::pair<std::string, fs::path>{"model", model},
                                   {"batches", folder / "batches.safetensors"},
                                   {"initial_state", folder / "initial_state.safetensors"},
                                   {"output", output},
                                   {"device", device}}) {
    set(config, key, value.string(), "the test");
  }
  resolve_pretraining(config);
  const auto session = open_pretrain_session(config, [](const std::string&) {});
  RunFolder run = RunFolder::create(config.output, session->config);
  Pretrainer trainer(*session, run);
  REQUIRE(trainer.run());
  finish_pretraining(*session, run, trainer, {"0", "test"});
  return read_lines(output / "metrics.jsonl");
}

inline void compare_steps(const std::vector<json>& actual, const std::vector<json>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (size_t step = 0; step < expected.size(); ++step) {
    CAPTURE(step);
    const json& want = expected[step];
    for (const char* name : {"loss", "mlm_loss", "rtd_loss", "learning_rate", "grad_norm"}) {
      if (!want.contains(name)) continue;
      CAPTURE(name);
      CHECK(actual[step][name].get<double>() ==
            doctest::Approx(want[name].get<double>()).epsilon(kTolerance));
    }
    for (const auto& [name, closest] : {std::pair("mlm_accuracy", "closest_mlm"),
                                        {"rtd_accuracy", "closest_rtd"},
                                        {"replaced_share", ""}}) {
      if (!want.contains(name) || want.value(closest, 1.0) < kTooClose) continue;
      CAPTURE(name);
      CHECK(std::abs(actual[step][name].get<double>() - want[name].get<double>()) < kSameShare);
    }
  }
}

// A case of tests/golden/pretraining: its tokenizer and config.json in a folder of their own, its
// batches from its initial state. Returns the log's lines; the run is in SCRATCH/CASE.
inline std::vector<json> repeat_golden(const fs::path& folder, const fs::path& scratch,
                                       const std::string& device = "cpu") {
  const fs::path source = SORAGRAD_SOURCE_DIR;
  const json about = read_json_object(folder / "case.json");
  const fs::path model = scratch / ("model-" + folder.filename().string());
  fs::create_directories(model);
  for (const char* file : {"config.json", "vocab.txt", "vocab.json", "merges.txt"}) {
    if (fs::exists(folder / file)) fs::copy(folder / file, model);
  }
  if (about["family"] == "deberta-v2") {
    for (const char* file : {"spm.model", "tokenizer_config.json"}) {
      fs::copy(source / "examples/quickstart/model" / file, model);
    }
  }
  train::Config config;
  config.verb = train::Verb::pretrain;
  for (const auto& [key, value] : about["keys"].items()) {
    train::set(config, key, value.is_string() ? value.get<std::string>() : value.dump(),
               "case.json");
  }
  return repeat(config, folder, model, scratch / folder.filename(), device);
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
