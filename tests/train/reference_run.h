// Repeats a reference run: a tiny model on GLUE rows, with values and rows that files give. The
// reference runs and the rows are shared files (tests/files.h).
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/task.h"
#include "tests/files.h"
#include "tests/train/json_lines.h"
#include "train/config/config.h"
#include "train/loop/session.h"
#include "train/loop/trainer.h"
#include "train/run/gate_log.h"
#include "train/run/run_folder.h"

namespace soragrad::test {

struct ReferenceRun {
  std::vector<nlohmann::json> steps;  // the lines of metrics.jsonl
  train::GateHistory gates;           // after each step
};

struct RunSettings {
  std::string device = "cpu", precision = "fp32";
};

// The run of a case's folder on a device. Files go to `scratch`.
inline ReferenceRun repeat_reference(const std::filesystem::path& folder,
                                     const TemporaryFolder& scratch, const RunSettings& settings) {
  namespace fs = std::filesystem;
  const nlohmann::json about = nlohmann::json::parse(read_text(folder / "case.json"));
  const fs::path models = *shared_path("fixtures/models");
  const fs::path glue = *shared_path("data/glue");
  const std::string name =
      fmt::format("{}-{}-{}", folder.filename().string(), settings.device, settings.precision);
  train::Config config;
  train::read_yaml(config, (folder / "config.yaml").string());
  std::vector<std::string> arguments = {
      "model=" + (models / about["model"].get<std::string>()).string(),
      "data=" + glue.string(),
      "output=" + (scratch / name).string(),
      "device=" + settings.device,
      "precision=" + settings.precision,
      "initial_state=" + (folder / "initial_state.safetensors").string()};
  if (about.contains("train_lines") && about["train_lines"].is_number()) {
    const std::string task = about["task"];
    std::ifstream rows(glue / data::find_task(task).folder / "train.tsv", std::ios::binary);
    std::string first, line;
    for (int64_t left = about["train_lines"]; left > 0 && std::getline(rows, line); --left) {
      first += line + '\n';
    }
    arguments.push_back("train_file=" + scratch.write(name + ".tsv", first));
  }
  for (const std::string& argument : arguments) train::set_argument(config, argument);
  train::resolve(config);
  const auto session = train::open_session(config, [](const std::string&) {});
  train::RunFolder run = train::RunFolder::create(config.output, config);
  train::Trainer trainer(*session, run);
  REQUIRE(trainer.run());
  std::vector<nlohmann::json> steps = read_lines(run.file("metrics.jsonl"));
  std::erase_if(steps, [](const nlohmann::json& step) { return step.contains("split"); });
  const auto all = static_cast<int64_t>(steps.size());
  return {std::move(steps), train::read_gates(run.file("gates.bin"), std::max<int64_t>(all, 2))};
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
