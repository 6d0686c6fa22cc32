// Whole training runs of every method on emulated CUDA, beside the same runs on the CPU.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cuda_emulation/cuda_emulation.h"
#include "tests/train/tiny_run.h"
#include "train/loop/finish.h"
#include "train/loop/trainer.h"

namespace soragrad::train {
namespace {

using nlohmann::json;

std::vector<std::string> arguments_of(const std::string& method, const std::string& device) {
  return {"method=" + method,  "device=" + device, "max_steps=3", "gradient_accumulation_steps=2",
          "sparse_lambda=0.1", "xi=0.05",          "init_r=4",    "target_r=2"};
}

std::vector<json> train(const test::TinyFolder& folder, const std::string& name,
                        const std::vector<std::string>& arguments) {
  const Config config = folder.config(name, arguments);
  const auto session = open_session(config, [](const std::string&) {});
  RunFolder run = RunFolder::create(config.output, config);
  Trainer trainer(*session, run);
  REQUIRE(trainer.run());
  std::istringstream text(test::read_text(run.file("metrics.jsonl")));
  std::vector<json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  return lines;
}

}  // namespace

TEST_CASE("trainer: emulated CUDA takes the CPU's steps with every method") {
  const test::TinyFolder folder;
  for (const std::string method : {"sora", "adalora", "houlsby", "full"}) {
    CAPTURE(method);
    const auto cpu = train(folder, method + "-cpu", arguments_of(method, "cpu"));
    const auto cuda = train(folder, method + "-cuda", arguments_of(method, "cuda"));
    REQUIRE(cuda.size() == cpu.size());
    for (size_t i = 0; i < cpu.size(); ++i) {
      if (cpu[i].contains("split")) {
        CHECK(cuda[i]["metrics"] == cpu[i]["metrics"]);
        continue;
      }
      CHECK(cuda[i]["launches"] > 1);
      CHECK_FALSE(cpu[i].contains("launches"));
      for (const char* key : {"loss", "regularizer", "grad_norm", "sparsity", "learning_rate"}) {
        CAPTURE(key);
        const double expected = cpu[i][key], actual = cuda[i][key];
        // Other orders of sums in float, over four updates.
        CHECK(std::abs(actual - expected) <= 1e-5 * std::max(1.0, std::abs(expected)));
      }
    }
  }
}

TEST_CASE("trainer: a step does not wait for the GPU") {
  const test::TinyFolder folder;
  const auto waits = [&](int steps) {
    const std::string name = fmt::format("waits-{}", steps);
    const int64_t before = cuda_emulation::host_waits();
    train(folder, name,
          {"device=cuda", fmt::format("max_steps={}", steps), "logging_steps=100",
           "eval_steps=1000"});
    return cuda_emulation::host_waits() - before;
  };
  CHECK(waits(3) == waits(6));  // of the beginning and the end alone
}

TEST_CASE("trainer: the results say how much of the GPU's memory was in use and reserved") {
  const test::TinyFolder folder;
  const Config config = folder.config("memory", {"device=cuda", "max_steps=1"});
  const auto session = open_session(config, [](const std::string&) {});
  RunFolder run = RunFolder::create(config.output, config);
  Trainer trainer(*session, run);
  REQUIRE(trainer.run());
  const json results = finish_run(*session, run, trainer, {});
  CHECK(results["peak_gpu_bytes"] > 20'000);  // the model's values alone
  CHECK(results["reserved_gpu_bytes"] >= results["peak_gpu_bytes"]);
}

TEST_CASE("trainer: a loss that is not finite is found before anything is saved, by its step") {
  const test::TinyFolder folder;
  std::vector<std::string> errors;
  for (const std::string device : {"cpu", "cuda"}) {
    const Config config =
        folder.config("bad-" + device, {"device=" + device, "method=full", "learning_rate=1e30",
                                        "warmup_ratio=0", "max_steps=6", "logging_steps=100"});
    const auto session = open_session(config, [](const std::string&) {});
    RunFolder run = RunFolder::create(config.output, config);
    Trainer trainer(*session, run);
    const std::string message = test::message_of([&] { trainer.run(); });
    CHECK(test::contains(message, "is not finite"));
    errors.push_back(message.substr(0, message.find(": loss")));  // "[train] step N"
    // The CPU finds it before the update and keeps the step before; a GPU finds it later.
    CHECK(run.checkpoints().size() == (device == "cpu" ? 1u : 0u));
    CHECK_FALSE(std::filesystem::exists(run.file("best")));
  }
  CHECK(errors.at(0) == errors.at(1));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
