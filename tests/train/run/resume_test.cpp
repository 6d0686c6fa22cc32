// Continuing a run: what may change, what is recorded, and what a checkpoint needs beside itself.
#include "train/run/resume.h"

#include <doctest/doctest.h>

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/error.h"
#include "tests/train/tiny_run.h"
#include "tests/train/whole_run.h"
#include "train/loop/interrupt.h"
#include "train/loop/trainer.h"

using namespace soragrad;
using namespace soragrad::train;
using soragrad::test::contains;
using soragrad::test::message_of;
using soragrad::test::quiet;
using soragrad::test::read_text;
using soragrad::test::resume;
using soragrad::test::run_to_end;
using soragrad::test::TinyFolder;
using soragrad::test::train_in;
namespace fs = std::filesystem;

namespace {

// A finished run as a kill before its end leaves it.
void forget_the_end(const std::string& run) {
  fs::remove(run + "/results.json");
  fs::remove_all(run + "/final");
}

void edit(const std::string& run, const std::string& line, const std::string& by) {
  const std::string text = read_text(run + "/config.yaml");
  REQUIRE(contains(text, "\n" + line + "\n"));
  std::ofstream(run + "/config.yaml")
      << std::regex_replace(text, std::regex("\n" + line + "\n"), "\n" + by + "\n");
}

std::string adapter_of(const std::string& run) {
  return read_text(run + "/final/adapter_model.safetensors");
}

}  // namespace

TEST_CASE("resume: an edited config.yaml is refused, the same on the command line is recorded") {
  const TinyFolder tiny;
  const std::string run = tiny.run("run");
  run_to_end(tiny.config("run", {"max_steps=6", "save_steps=3", "save_total_limit=0"}));
  forget_the_end(run);
  fs::remove_all(run + "/checkpoints/step-6");
  edit(run, "seed: 42", "seed: 7");
  const std::string refusal = message_of([&] { resume(run); });
  CHECK(contains(refusal, "seed=7 (made with 42)"));
  CHECK(refusal.size() < 500);

  const nlohmann::json results = resume(run, {{"seed=7", "learning_rate=1e-4"}, ""});
  CHECK(results["seed"] == 7);
  REQUIRE(results["changed_keys"].size() == 2);
  CHECK(results["changed_keys"][0] ==
        nlohmann::json({{"step", 3}, {"key", "seed"}, {"before", "42"}, {"now", "7"}}));
  const std::string text = read_text(run + "/config.yaml");
  CHECK(contains(text, "# from step 3: seed: 7, before: 42\n"));
  CHECK(contains(text, "\nlearning_rate: 0.0001\n"));

  forget_the_end(run);  // what was recorded needs no second word, from whichever step
  fs::remove_all(run + "/checkpoints/step-6");
  CHECK(resume(run)["changed_keys"].size() == 2);
}

TEST_CASE("resume: scores of another metric or of other rows do not compete with the old best") {
  const TinyFolder tiny;
  const std::string run = tiny.run("run");
  run_to_end(
      tiny.config("run", {"max_steps=4", "eval_steps=2", "save_steps=2", "save_total_limit=0"}));
  const auto best_after = [&](const char* argument) {
    forget_the_end(run);
    fs::remove_all(run + "/checkpoints/step-4");
    return resume(run, {{argument}, ""})["best_step"].get<int64_t>();
  };
  // The only evaluation after the change is that of step 4.
  CHECK(best_after("metric_for_best_model=loss") == 4);
  CHECK(best_after("max_eval_samples=2") == 4);
  for (const char* argument : {"split_seed=7", "k_folds=3", "protocol=paper"}) {
    CAPTURE(argument);
    forget_the_end(run);
    CHECK(contains(message_of([&] { resume(run, {{argument}, ""}); }), "which rows train"));
  }
}

TEST_CASE("resume: keys that keep the meaning are free, some have no place") {
  const TinyFolder tiny;
  const std::string run = tiny.run("run");
  run_to_end(tiny.config("run", {"max_steps=4"}));
  const std::string expected = adapter_of(run);
  forget_the_end(run);
  edit(run, "logging_steps: 1", "logging_steps: 3");
  CHECK_FALSE(resume(run, {{"threads=1"}, ""}).contains("changed_keys"));
  CHECK(adapter_of(run) == expected);
  forget_the_end(run);
  for (const char* argument : {"output=elsewhere", "overwrite=true", "model=elsewhere"}) {
    CHECK_THROWS_AS(resume(run, {{argument}, ""}), UsageError);
  }
}

TEST_CASE("resume: a finished run is extended and then equals one that was interrupted there") {
  const TinyFolder tiny;
  const std::string run = tiny.run("run");
  run_to_end(tiny.config(
      "run", {"max_steps=4", "lr_scheduler_type=constant", "eval_steps=2", "warmup_ratio=0"}));
  {
    RunFolder folder = RunFolder::open(run, true);
    CHECK(prepare_resume(folder, {}, quiet).complete);
    CHECK(contains(message_of([&] {
                     prepare_resume(folder, {{"seed=3"}, ""}, quiet);
                   }),
                   "max_steps=N or num_train_epochs=N extends it"));
  }
  const nlohmann::json longer = resume(run, {{"max_steps=9"}, ""});
  CHECK(longer["steps"] == 9);
  CHECK(longer["changed_keys"][0]["step"] == 4);
  CHECK(nlohmann::json::parse(read_text(run + "/results-step-4.json"))["steps"] == 4);
  // With a constant rate nothing but the evaluation of step 4 depends on the planned length.
  run_to_end(tiny.config(
      "whole", {"max_steps=9", "lr_scheduler_type=constant", "eval_steps=2", "warmup_ratio=0"}));
  CHECK(adapter_of(run) == adapter_of(tiny.run("whole")));
  CHECK(contains(message_of([&] { resume(run, {{"max_steps=5"}, ""}); }), "cannot end at 5"));
}

TEST_CASE("resume: logs, initial state and an initial adapter may be gone") {
  const TinyFolder tiny;
  run_to_end(tiny.config("first", {"max_steps=3", "method=lora"}));
  for (const char* initial : {"first/best", "first/best/adapter_model.safetensors"}) {
    CAPTURE(initial);
    const std::string run = tiny.run("run");
    fs::remove_all(run);
    const std::string source = tiny.run("source");
    fs::remove_all(source);
    fs::copy(tiny.run("first"), source, fs::copy_options::recursive);
    const std::string path = source + std::string(initial).substr(5);
    run_to_end(tiny.config("run", {"max_steps=6", "method=lora", "save_steps=3", "train_head=false",
                                   "save_total_limit=0", "initial_state=" + path}));
    const std::string expected = adapter_of(run);
    forget_the_end(run);
    fs::remove_all(run + "/checkpoints/step-6");
    fs::remove_all(source);
    fs::remove(run + "/metrics.jsonl");
    for (const auto& entry : fs::directory_iterator(run)) {
      if (contains(entry.path().string(), "tfevents")) fs::remove(entry.path());
    }
    resume(run);
    CHECK(adapter_of(run) == expected);
  }
}

TEST_CASE("resume: a damaged newest checkpoint falls back to the one before, in one line") {
  const TinyFolder tiny;
  const std::string run = tiny.run("run");
  run_to_end(tiny.config("run", {"max_steps=6", "save_steps=2", "save_total_limit=0"}));
  const std::string expected = adapter_of(run);
  forget_the_end(run);
  const std::string newest = run + "/checkpoints/step-6/state.safetensors";
  std::string bytes = read_text(newest);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(newest, std::ios::binary) << bytes;
  std::ofstream(run + "/checkpoints/step-4/state.json") << "{";
  std::vector<std::string> lines;
  resume(run, {}, [&](const std::string& line) { lines.push_back(line); });
  CHECK(adapter_of(run) == expected);
  REQUIRE(lines.size() >= 2);
  CHECK(contains(lines[0], "step-6"));
  CHECK(contains(lines[0], "Going on from the checkpoint of step 4"));
  CHECK(contains(lines[1], "Going on from the checkpoint of step 2"));

  forget_the_end(run);
  for (const auto& entry : fs::directory_iterator(run + "/checkpoints")) {
    std::ofstream(entry.path() / "state.json") << "{}";
  }
  CHECK_THROWS_AS(resume(run), Error);  // never from step 0 without a word
}

TEST_CASE("resume: the base model may move but not change") {
  const TinyFolder tiny;
  const std::string run = tiny.run("run");
  run_to_end(tiny.config("run", {"max_steps=4"}));
  const std::string expected = adapter_of(run);
  forget_the_end(run);
  fs::rename(tiny.run("model"), tiny.run("moved"));
  CHECK_THROWS_AS(resume(run), Error);
  resume(run, {{}, tiny.run("moved")});
  CHECK(adapter_of(run) == expected);
  CHECK(contains(read_text(run + "/config.yaml"), "model: " + tiny.run("moved")));
  forget_the_end(run);
  std::string weights = read_text(tiny.run("moved") + "/model.safetensors");
  weights.back() = static_cast<char>(weights.back() ^ 1);
  std::ofstream(tiny.run("moved") + "/model.safetensors", std::ios::binary) << weights;
  CHECK(contains(message_of([&] { resume(run); }), "is not the model that was trained on"));
}

TEST_CASE("resume: one that is refused leaves the run as it was") {
  const TinyFolder tiny;
  const std::string run = tiny.run("run");
  run_to_end(tiny.config("run", {"max_steps=4"}));
  const std::string config = read_text(run + "/config.yaml");
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"max_steps=3"},
                                                    {"method=lora", "max_steps=6"},
                                                    {"r=3", "max_steps=6"},
                                                    {"data=nowhere", "max_steps=6"}}) {
    CAPTURE(arguments[0]);
    std::vector<std::string> lines;
    CHECK_THROWS_AS(
        resume(run, {arguments, ""}, [&](const std::string& line) { lines.push_back(line); }),
        Error);
    CHECK(lines.empty());
    CHECK(read_text(run + "/config.yaml") == config);
    CHECK(fs::exists(run + "/results.json"));
  }
  CHECK(resume(run, {{"max_steps=6"}, ""})["steps"] == 6);
}

TEST_CASE("resume: training rows that changed are refused unless other data are named") {
  const TinyFolder tiny;
  const std::string run = tiny.run("run");
  run_to_end(tiny.config("run", {"max_steps=4", "save_steps=2", "save_total_limit=0"}));
  const std::string expected = adapter_of(run);
  const std::string file = tiny.run("CoLA/train.tsv"), rows = read_text(file);
  const auto cut_back = [&] {
    forget_the_end(run);
    fs::remove_all(run + "/checkpoints/step-4");
  };
  for (const std::string& other : {rows.substr(rows.find('\n') + 1), rows + rows,
                                   std::regex_replace(rows, std::regex("\t1\t"), "\t0\t")}) {
    cut_back();
    std::ofstream(file) << other;
    const std::string refusal = message_of([&] { resume(run); });
    CHECK(contains(refusal, "the checkpoint of step 2 was made with 44 rows"));
    CHECK(contains(refusal, file));
  }
  fs::create_directories(tiny.run("other/CoLA"));
  fs::copy(tiny.run("CoLA/dev.tsv"), tiny.run("other/CoLA/dev.tsv"));
  fs::rename(file, tiny.run("other/CoLA/train.tsv"));
  std::ofstream(file) << rows;
  resume(run);
  CHECK(adapter_of(run) == expected);
  cut_back();
  CHECK(resume(run, {{"data=" + tiny.run("other")}, ""})["changed_keys"][0]["key"] == "data");
  CHECK(adapter_of(run) != expected);
}

TEST_CASE("changed_keys: a line of config.yaml reads back") {
  const TinyFolder tiny;
  const ChangedKey change{12, "train_file", "\"a: b, before\"", "/x, y"};
  const std::string path =
      tiny.write("c.yaml", "# soragrad run\n" + change_line(change) + "r: 8\n");
  const std::vector<ChangedKey> read = read_changes(path);
  REQUIRE(read.size() == 1);
  CHECK(read[0].step == 12);
  CHECK(read[0].key == "train_file");
  CHECK(read[0].now == "/x, y");
  CHECK(read[0].before == "\"a: b, before\"");
}

TEST_CASE("interrupt: exit codes, the time limit, and a second signal within two seconds") {
  CHECK(exit_code_of(SIGTERM) == 143);
  CHECK(exit_code_of(SIGHUP) == 129);
  CHECK(exit_code_of(SIGUSR2) == 140);
  CHECK(exit_code_of(SIGUSR1) == 75);
  CHECK(exit_code_of(kTimeLimit) == 75);
  const InterruptGuard guard;
  CHECK(interrupted_by() == 0);
  set_time_limit(1 << 30);
  CHECK(interrupted_by() == 0);
  set_time_limit(0);
  CHECK(interrupted_by() == 0);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    const InterruptGuard inner;  // forgets nothing
    raise(signal);
    CHECK(interrupted_by() == SIGHUP);
  }
  CHECK_THROWS_AS(stop_if_interrupted(), Interrupted);
}

TEST_CASE("resume: the first rows only") {
  const TinyFolder tiny;
  const Config config = tiny.config("run", {"max_steps=2", "max_train_samples=10",
                                            "max_eval_samples=7", "max_predict_samples=3"});
  const auto session = open_session(config, quiet);
  CHECK(session->train.size() == 10);
  CHECK(session->validation.at(0).size() == 7);
}

// SPDX-License-Identifier: Apache-2.0
