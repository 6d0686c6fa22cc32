// Whole runs of pre-training: a resumed run equals one that was never stopped, bit for bit, the
// number of threads changes no bit, and what is wrong is said.
#include "train/loop/pretrainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <thread>

#include "core/parallel.h"
#include "models/load.h"
#include "tests/files.h"
#include "tests/train/whole_pretraining.h"
#include "train/loop/interrupt.h"
#include "train/loop/pretrain_finish.h"
#include "train/run/resume.h"

using namespace soragrad;
using namespace soragrad::train;
namespace fs = std::filesystem;

namespace {

using soragrad::test::contains;
using soragrad::test::copy_at;
using soragrad::test::log_of;
using soragrad::test::message_of;
using soragrad::test::pretrain_to_end;
using soragrad::test::quiet;
using soragrad::test::read_text;
using soragrad::test::resume_pretraining;
using soragrad::test::TinyText;
using soragrad::test::weights_of;

}  // namespace

TEST_CASE("pretrainer: a language model learns, and its log has the losses and accuracies") {
  const TinyText tiny;
  const nlohmann::json results =
      pretrain_to_end(tiny.config("run", {"max_steps=40", "eval_steps=40"}));
  const std::string log = read_text(tiny / "run/metrics.jsonl");
  for (const char* name : {"\"mlm_loss\"", "\"mlm_accuracy\"", "\"grad_norm\"", "\"perplexity\""}) {
    CHECK(contains(log, name));
  }
  CHECK(!contains(log, "rtd"));
  CHECK(results["validation"]["mlm_loss"].get<double>() < std::log(65.0));
  CHECK(results["tokens"] == 40 * 8 * 24);
  for (const char* file : {"config.json", "vocab.txt", "model.safetensors"}) {
    CHECK(fs::exists(tiny / "run/final" / file));
  }
}

TEST_CASE("pretrainer: a run that goes on from a checkpoint equals one that was never stopped") {
  const TinyText tiny;
  const int before = num_threads();
  for (const std::string setting : {"shuffle=true", "shuffle=false", "precision=bf16"}) {
    CAPTURE(setting);
    const std::string name = "run-" + setting;
    set_num_threads(1);
    pretrain_to_end(tiny.config(name, {setting}));
    const std::string run = (tiny / name).string(), copy = copy_at(run, 5);
    set_num_threads(2);
    resume_pretraining(copy);
    CHECK(log_of(run) == log_of(copy));
    CHECK(weights_of(run) == weights_of(copy));
  }
  set_num_threads(before);
}

TEST_CASE("pretrainer: a run says whether it goes on from a folder's weights") {
  const TinyText tiny;
  const auto first_line = [](const Config& config) {
    std::string lines;
    open_pretrain_session(config, [&](const std::string& line) { lines += line + "\n"; });
    return lines.substr(0, lines.find('\n'));
  };
  const Config from_nothing = tiny.config("run", {"max_steps=1"});
  CHECK(contains(first_line(from_nothing), "bert has no weights: "));
  pretrain_to_end(from_nothing);
  const std::string line = first_line(tiny.config("next", {}, "run/final"));
  CHECK(contains(line, "going on from the weights of "));
  CHECK(contains(line, " parameters read, 0 parameters drawn from seed "));
  // A classifier has another head: the language model's is drawn, and named.
  const auto classifier = models::load_model(tiny / "run/final", {.labels = {"no", "yes"}}).model;
  models::save_model(tiny / "classifier", *classifier);
  fs::copy(tiny / "bert/vocab.txt", tiny / "classifier");
  CHECK(contains(first_line(tiny.config("third", {}, "classifier")),
                 "5 parameters drawn from seed 42 (cls.predictions.bias, "));
}

TEST_CASE("pretrainer: gradient checkpointing gives the same bits") {
  const TinyText tiny;
  for (const auto& [family, setting] :
       {std::pair<std::string, std::string>{"bert", "precision=bf16"},
        {"deberta", "sharing=gdes"},
        {"deberta", "sharing=es"}}) {
    CAPTURE(setting);
    const std::vector<std::string> arguments{setting, "max_steps=4", "hidden_dropout_prob=0.2",
                                             "attention_probs_dropout_prob=0.2"};
    std::vector<std::string> again = arguments;
    again.emplace_back("gradient_checkpointing=true");
    const std::string name = family + setting, other = name + "-again";
    pretrain_to_end(tiny.config(name, arguments, family));
    pretrain_to_end(tiny.config(other, again, family));
    CHECK(log_of((tiny / name).string()) == log_of((tiny / other).string()));
    CHECK(weights_of((tiny / name).string()) == weights_of((tiny / other).string()));
  }
}

TEST_CASE("pretrainer: a signal saves, and the run goes on from there") {
  const TinyText tiny;
  pretrain_to_end(tiny.config("whole", {}));
  const Config config = tiny.config("stopped", {"save_steps=0"});
  {
    const auto session = open_pretrain_session(config, quiet);
    RunFolder folder = RunFolder::create(config.output, session->config);
    Pretrainer trainer(*session, folder);
    std::thread signal([&] {  // as soon as the first step is logged
      while (read_text(config.output + "/metrics.jsonl").empty()) std::this_thread::yield();
      set_interrupted(SIGTERM);
    });
    const bool is_complete = trainer.run();
    signal.join();
    set_interrupted(0);
    if (!is_complete) CHECK(folder.checkpoints() == std::vector<int64_t>{trainer.state().step});
    if (is_complete) finish_pretraining(*session, folder, trainer, {"0", "test"});
  }
  if (!fs::exists(config.output + "/results.json")) resume_pretraining(config.output);
  CHECK(weights_of(config.output) == weights_of((tiny / "whole").string()));
}

TEST_CASE("pretrainer: a file of the corpus that cannot be read loses no step") {
  const TinyText tiny;
  const std::string corpus = (tiny / "corpus.txt").string();
  // An epoch of this corpus ends within step 21: its file is opened again there.
  pretrain_to_end(tiny.config("whole", {"max_steps=30", "shuffle=false", "threads=1"}));
  const std::string run = (tiny / "whole").string(), copy = copy_at(run, 5);
  CHECK_THROWS_WITH_AS(resume_pretraining(copy, [&] { fs::rename(corpus, corpus + ".away"); }),
                       doctest::Contains("corpus.txt"), Error);
  fs::rename(corpus + ".away", corpus);
  CHECK(RunFolder::open(copy, false).checkpoints().back() == 20);
  resume_pretraining(copy);
  CHECK(log_of(run) == log_of(copy));
  CHECK(weights_of(run) == weights_of(copy));
}

TEST_CASE("pretrainer: a loss that is not finite keeps the step before it, and older checkpoints") {
  const TinyText tiny;
  for (const bool has_older : {false, true}) {
    const Config config =
        tiny.config(has_older ? "older" : "none",
                    {"learning_rate=1e30", "warmup_ratio=0", "save_steps=0", "max_steps=20"});
    const auto session = open_pretrain_session(config, quiet);
    RunFolder folder = RunFolder::create(config.output, session->config);
    if (has_older) folder.add_checkpoint(0, 0, [](const std::string&) {});
    Pretrainer trainer(*session, folder);
    CHECK_THROWS_WITH_AS(trainer.run(), doctest::Contains("is not finite"), Error);
    REQUIRE(folder.checkpoints().size() == 1);
    CHECK(folder.checkpoints()[0] == (has_older ? 0 : trainer.state().step));
  }
}

TEST_CASE("pretrainer: a run that goes on after its last step reports that step's numbers") {
  const TinyText tiny;
  const nlohmann::json whole = pretrain_to_end(tiny.config("whole", {}));
  const std::string copy = copy_at((tiny / "whole").string(), 12);
  const nlohmann::json again = resume_pretraining(copy);
  CHECK(again["train"] == whole["train"]);
  CHECK(again["validation"] == whole["validation"]);
  CHECK(again["train"]["loss"].get<double>() > 0);
}

TEST_CASE("pretrainer: edited keys are refused, the same on the command line are recorded") {
  const TinyText tiny;
  pretrain_to_end(tiny.config("run", {}));
  const std::string copy = copy_at((tiny / "run").string(), 5), file = copy + "/config.yaml";
  const std::string text = read_text(file);
  std::string edited = std::regex_replace(text, std::regex("\nseed: 42\n"), "\nseed: 7\n");
  for (const char* key : {"learning_rate", "mlm_probability", "adam_epsilon", "weight_decay"}) {
    edited = std::regex_replace(edited, std::regex(fmt::format("\n{}: [^\n]*", key)),
                                fmt::format("\n{}: 0.05", key));
  }
  std::ofstream(file) << edited;
  const std::string refusal = message_of([&] { resume_pretraining(copy); });
  CHECK(contains(refusal, "seed=7 (made with 42)"));
  CHECK(contains(refusal, " and 2 more"));
  CHECK(refusal.size() < 500);
  std::ofstream(file) << text;
  const nlohmann::json results = resume_pretraining(copy, [] {}, {{"seed=7"}, {}});
  REQUIRE(results["changed_keys"].size() == 1);
  CHECK(results["changed_keys"][0]["key"] == "seed");
  CHECK(results["changed_keys"][0]["step"] == 5);
  CHECK(weights_of(copy) != weights_of((tiny / "run").string()));
}

TEST_CASE("pretrainer: a run does not go on with another tokenizer") {
  const TinyText tiny;
  const auto config = tiny.config("run", {});
  pretrain_to_end(config);
  const std::string copy = copy_at((tiny / "run").string(), 5);
  const std::string vocabulary = read_text(config.model + "/vocab.txt");
  std::ofstream(config.model + "/vocab.txt") << vocabulary << "more\n";
  CHECK(contains(message_of([&] { resume_pretraining(copy); }), "the tokenizer of"));
  std::ofstream(config.model + "/vocab.txt") << vocabulary;
  resume_pretraining(copy);
  CHECK(weights_of(copy) == weights_of((tiny / "run").string()));
}

TEST_CASE("pretrainer: a finished run is extended by max_steps") {
  const TinyText tiny;
  const std::vector<std::string> constant = {"lr_scheduler_type=constant", "warmup_ratio=0"};
  pretrain_to_end(tiny.config("short", constant));
  std::vector<std::string> longer = constant;
  longer.emplace_back("max_steps=20");
  pretrain_to_end(tiny.config("long", longer));
  const std::string run = (tiny / "short").string();
  CHECK(contains(message_of([&] {
                   resume_pretraining(run, [] {}, {{"seed=7"}, {}});
                 }),
                 "max_steps=N extends"));
  const std::string config = read_text(run + "/config.yaml");
  const std::string other = (tiny / "validation.txt").string();
  CHECK(contains(message_of([&] {
                   resume_pretraining(run, [] {}, {{"max_steps=20", "corpus=" + other}, {}});
                 }),
                 "Resume with the same corpus"));
  CHECK(read_text(run + "/config.yaml") == config);  // a refusal leaves the run as it was
  const nlohmann::json results = resume_pretraining(run, [] {}, {{"max_steps=20"}, {}});
  CHECK(results["steps"] == 20);
  CHECK(fs::exists(run + "/results-step-12.json"));
  CHECK(weights_of(run) == weights_of((tiny / "long").string()));
}

TEST_CASE("pretrainer: what the folder or the keys lack is said in one line") {
  const TinyText tiny;
  const auto message = [&](std::vector<std::string> arguments) {
    return message_of(
        [&] { open_pretrain_session(tiny.config("none", std::move(arguments)), quiet); });
  };
  CHECK(contains(message({"objective=rtd"}), "objective=rtd is DeBERTaV3's"));
  CHECK(contains(message({"max_seq_length=64"}), "more than the 32 positions"));
  CHECK(contains(message({"mask_replace=0.8", "random_replace=0.3"}), "together more than 1"));
  CHECK(contains(message({"batches=x.safetensors"}), "reads one of them"));
  CHECK(contains(message({"max_steps=-1"}), "a corpus has no end"));
  CHECK(contains(message({"task=cola"}), "there is no key"));
  CHECK(contains(message({"validation_corpus=" + (tiny / "none").string()}), "cannot be opened"));
}

// SPDX-License-Identifier: Apache-2.0
