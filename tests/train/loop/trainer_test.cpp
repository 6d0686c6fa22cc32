// Whole runs of a tiny model: a resumed run equals one that was never stopped, bit for bit, and the
// number of threads changes no bit.
#include "train/loop/trainer.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <thread>

#include "core/error.h"
#include "core/parallel.h"
#include "nn/checkpoint/safetensors.h"
#include "sora/method.h"
#include "tests/train/tiny_run.h"
#include "tests/train/whole_run.h"
#include "train/loop/finish.h"
#include "train/loop/interrupt.h"
#include "train/report/threshold_path.h"
#include "train/run/resume.h"
#include "train/run/run_folder.h"

using namespace soragrad;
using namespace soragrad::train;
namespace fs = std::filesystem;

namespace {

using soragrad::test::log_of;
using soragrad::test::quiet;
using soragrad::test::read_text;
using soragrad::test::resume;
using soragrad::test::run_to_end;
using soragrad::test::TinyFolder;

void check_equal_runs(const std::string& a, const std::string& b) {
  CHECK(log_of(a) == log_of(b));
  size_t files = 0;
  for (const char* folder : {"best", "final", "phases"}) {
    if (!fs::exists(a + "/" + folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(a + "/" + folder)) {
      if (!entry.is_regular_file()) continue;
      const fs::path other = b / fs::relative(entry.path(), a);
      CAPTURE(other.string());
      CHECK(read_text(entry.path()) == read_text(other));
      ++files;
    }
  }
  CHECK(files >= 4);
}

// What a kill leaves soon after the checkpoint of this step: logs that went on, but nothing else
// that came later.
void forget_after(const std::string& run, int64_t step) {
  const RunFolder folder = RunFolder::open(run, false);
  const auto state = nlohmann::json::parse(read_text(folder.checkpoint(step) + "/state.json"));
  for (const char* name : {"results.json", "path.json", "path.csv", "path.html", "final"}) {
    fs::remove_all(run + "/" + name);
  }
  if (state["best_step"] == 0) fs::remove_all(run + "/best");
  for (size_t phase = state["phases"].size(); phase < 10; ++phase) {
    fs::remove_all(run + "/phases/phase-" + std::to_string(phase));
  }
  for (const int64_t other : folder.checkpoints()) {
    if (other > step) fs::remove_all(folder.checkpoint(other));
  }
  REQUIRE(folder.checkpoints().back() == step);
}

}  // namespace

TEST_CASE("trainer: a run that continues from a checkpoint equals one that was never stopped") {
  const TinyFolder tiny;
  const std::vector<std::vector<std::string>> settings = {
      {"xi=0.5", "sparse_lr=0.05", "lora_dropout=0.1", "gradient_accumulation_steps=2",
       "save_steps=3", "eval_steps=4"},
      {"method=adalora", "init_r=4", "target_r=1", "tinit=2", "tfinal=4", "deltaT=2",
       "save_steps=7"},
      {"method=full", "optim=adamw_hf", "save_steps=7"},
      {"xi=0.1", "schedule=linear", "xi_max=2", "xi_steps=3", "phase_epochs=1", "sparse_lr=0.05",
       "save_steps=5"},
      {"precision=bf16", "xi=0.1", "save_steps=7"},
      {"precision=bf16", "method=full", "save_steps=7"},
      {"method=lora", "early_stopping_patience=1", "eval_steps=3", "save_steps=3",
       "learning_rate=0"},
  };
  for (size_t i = 0; i < settings.size(); ++i) {
    CAPTURE(settings[i].front());
    const std::string name = "whole" + std::to_string(i);
    std::vector<std::string> arguments = settings[i];
    arguments.push_back("save_total_limit=0");
    run_to_end(tiny.config(name, arguments));
    const std::string run = tiny.run(name), copy = tiny.run("again" + std::to_string(i));
    const RunFolder folder = RunFolder::open(run, false);
    REQUIRE(!folder.checkpoints().empty());
    const int64_t step = folder.checkpoints()[folder.checkpoints().size() / 2];
    fs::copy(run, copy, fs::copy_options::recursive);
    forget_after(copy, step);
    resume(copy);
    check_equal_runs(run, copy);
  }
}

TEST_CASE("trainer: a path of thresholds goes on unchanged from each of its steps") {
  const TinyFolder tiny;
  const std::string run = tiny.run("whole"), copy = tiny.run("again");
  const nlohmann::json results =
      run_to_end(tiny.config("whole", {"xi=0.1", "schedule=linear", "xi_max=2", "xi_steps=3",
                                       "num_train_epochs=0.3", "phase_epochs=0.2", "eval_steps=2",
                                       "sparse_lr=0.05", "save_steps=1", "save_total_limit=0"}));
  const RunFolder folder = RunFolder::open(run, false);
  CHECK(results["steps"] == 4 + 3 + 3);
  REQUIRE(folder.checkpoints().size() == 10);
  for (const int64_t step : folder.checkpoints()) {
    CAPTURE(step);
    fs::remove_all(copy);
    fs::copy(run, copy, fs::copy_options::recursive);
    forget_after(copy, step);
    resume(copy);
    check_equal_runs(run, copy);
    CHECK(read_text(run + "/path.json") == read_text(copy + "/path.json"));
    CHECK(read_text(run + "/path.html") == read_text(copy + "/path.html"));
  }
}

TEST_CASE("trainer: a run without a checkpoint starts again from its first step") {
  const TinyFolder tiny;
  run_to_end(tiny.config("whole", {}));
  fs::copy(tiny.run("whole"), tiny.run("again"), fs::copy_options::recursive);
  fs::remove(tiny.run("again") + "/results.json");
  fs::remove_all(tiny.run("again") + "/checkpoints");
  resume(tiny.run("again"));
  check_equal_runs(tiny.run("whole"), tiny.run("again"));
}

TEST_CASE("trainer: a signal saves a checkpoint from which the run goes on unchanged") {
  const TinyFolder tiny;
  const std::vector<std::string> arguments = {"num_train_epochs=40", "xi=0.1"};
  run_to_end(tiny.config("whole", arguments));
  const Config config = tiny.config("stopped", arguments);
  const auto session = open_session(config, quiet);
  int64_t stopped_at = 0;
  {
    RunFolder folder = RunFolder::create(config.output, config);
    Trainer trainer(*session, folder);
    std::thread sender([&] {
      while (read_text(folder.file("metrics.jsonl")).size() < 600) std::this_thread::yield();
      kill(getpid(), SIGTERM);
    });
    const bool finished = trainer.run();
    sender.join();
    REQUIRE_FALSE(finished);
    CHECK(interrupted_by() == SIGTERM);
    stopped_at = trainer.state().step;
    REQUIRE(folder.checkpoints() == std::vector<int64_t>{stopped_at});
  }
  CHECK(stopped_at > 0);
  CHECK(stopped_at < 440);
  resume(tiny.run("stopped"));
  check_equal_runs(tiny.run("whole"), tiny.run("stopped"));
}

TEST_CASE("trainer: one thread and two give the same bits") {
  const TinyFolder tiny;
  const int before = num_threads();
  for (const char* precision : {"precision=fp32", "precision=bf16"}) {
    run_to_end(tiny.config("one", {precision, "threads=1", "xi=0.1", "overwrite=true"}));
    run_to_end(tiny.config("two", {precision, "threads=2", "xi=0.1", "overwrite=true"}));
    check_equal_runs(tiny.run("one"), tiny.run("two"));
  }
  set_num_threads(before);
}

TEST_CASE("trainer: gradient checkpointing changes no bit of any method's run") {
  const TinyFolder tiny;
  for (const std::string& method : sora::method_names()) {
    CAPTURE(method);
    for (const char* precision : {"precision=fp32", "precision=bf16"}) {
      for (const bool checkpointing : {false, true}) {
        run_to_end(tiny.config(
            checkpointing ? "checkpointed" : "plain",
            {"method=" + method, precision, "max_steps=8", "eval_steps=4", "overwrite=true",
             "hidden_dropout_prob=0.1", "attention_probs_dropout_prob=0.1", "lora_dropout=0.1",
             "init_r=4", "target_r=2", "tinit=1", "tfinal=1",
             checkpointing ? "gradient_checkpointing=true" : "gradient_checkpointing=false"}));
      }
      check_equal_runs(tiny.run("plain"), tiny.run("checkpointed"));
    }
  }
}

TEST_CASE("trainer: a run in bf16 stays near the one in fp32") {
  const TinyFolder tiny;
  for (const char* method : {"method=sora", "method=houlsby", "method=bitfit", "method=full"}) {
    CAPTURE(method);
    std::vector<nlohmann::json> logs[2];
    for (const bool bf16 : {false, true}) {
      const Config config = tiny.config("run", {method, bf16 ? "precision=bf16" : "precision=fp32",
                                                "learning_rate=1e-3", "overwrite=true"});
      const nlohmann::json results = run_to_end(config);
      CHECK(results["precision"] == config.precision);
      std::istringstream lines(read_text(config.output + "/metrics.jsonl"));
      for (std::string line; std::getline(lines, line);) {
        const auto entry = nlohmann::json::parse(line);
        if (entry.contains("grad_norm")) logs[bf16].push_back(entry);
      }
    }
    REQUIRE(logs[0].size() == 22);
    REQUIRE(logs[1].size() == 22);
    double worst = 0;
    for (size_t i = 0; i < 22; ++i) {
      const auto loss = [&](int run) { return logs[run][i]["loss"].get<double>(); };
      worst = std::max(worst, std::abs(loss(0) - loss(1)));
    }
    CHECK(worst > 1e-6);  // something is rounded
    CHECK(worst < 1e-2);  // as the logits of one pass, which are of size 1
  }
}

TEST_CASE("trainer: it learns what can be learned and reports it") {
  const TinyFolder tiny;
  const nlohmann::json results =
      run_to_end(tiny.config("run", {"method=full", "num_train_epochs=30", "learning_rate=2e-3",
                                     "load_best_model_at_end=false", "logging_steps=100"}));
  CHECK(results["validation"]["matthews_correlation"].get<double>() > 0.6);
  CHECK(results["majority_baseline"]["validation"]["matthews_correlation"].get<double>() == 0);
  CHECK(results["steps"] == 330);
  CHECK(results["parameters"]["trainable"] == results["parameters"]["model"]);
  CHECK(results["best_step"].get<int64_t>() > 0);
  CHECK(results["peak_rss_bytes"].get<int64_t>() > 1 << 20);
  for (const char* name : {"seconds", "tokens_per_second", "first_step_seconds"}) {
    CHECK(results[name].get<double>() > 0);
  }
}

TEST_CASE("trainer: a loss that is not finite stops the run") {
  const TinyFolder tiny;
  const Config config =
      tiny.config("run", {"method=full", "learning_rate=1e30", "warmup_ratio=0", "max_steps=20"});
  const auto session = open_session(config, quiet);
  RunFolder folder = RunFolder::create(config.output, config);
  Trainer trainer(*session, folder);
  CHECK_THROWS_WITH_AS(trainer.run(), doctest::Contains("is not finite"), Error);
  // The step before it can be gone on from, with a lower rate for one.
  REQUIRE(folder.checkpoints().size() == 1);
  CHECK(folder.checkpoints()[0] == trainer.state().step);
}

TEST_CASE("trainer: a step before a loss that is not finite replaces no older checkpoint") {
  const TinyFolder tiny;
  const Config config = tiny.config("run", {"method=full", "learning_rate=1e30", "warmup_ratio=0",
                                            "max_steps=20", "save_steps=1"});
  const auto session = open_session(config, quiet);
  RunFolder folder = RunFolder::create(config.output, config);
  folder.add_checkpoint(0, 0, [](const std::string&) {});
  Trainer trainer(*session, folder);
  CHECK_THROWS_AS(trainer.run(), Error);
  CHECK(folder.checkpoints().back() <= trainer.state().step);
}

TEST_CASE("trainer: initial_state takes known names of the right shape only") {
  const TinyFolder tiny;
  const Config config = tiny.config("run", {});
  const auto session = open_session(config, quiet);
  const std::string path = tiny.run("state.safetensors");
  const std::vector<real> values{1, 2, 3};
  const std::vector<int64_t> sizes{3};
  for (const char* name : {"classifier.bias", "no.such.name"}) {
    nn::SafetensorsWriter writer;
    writer.add<real>(name, sizes, values);
    writer.write(path);
    CHECK_THROWS_WITH_AS(load_initial_state(*session->model, path, Device::cpu),
                         doctest::Contains(name), Error);
  }
}

TEST_CASE(
    "trainer: weights that are written before the first step end the run, which saves nothing") {
  const TinyFolder tiny;
  const Config config = tiny.config("run", {"max_steps=3", "save_steps=1"});
  const auto session = open_session(config, quiet);
  const fs::path weights = tiny.run("model/model.safetensors");
  fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
  RunFolder folder = RunFolder::create(config.output, config);
  Trainer trainer(*session, folder);
  CHECK(test::contains(test::message_of([&] { trainer.run(); }),
                       "model.safetensors] was written while it was read"));
  CHECK(folder.checkpoints().empty());
}

// SPDX-License-Identifier: Apache-2.0
