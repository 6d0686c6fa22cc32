// Own data from files to predictions: names, order and numbers stay what the files say.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/export.h"
#include "nn/checkpoint/safetensors.h"
#include "tests/cli/own_run.h"
#include "train/loop/open_trained.h"

using namespace soragrad;
using namespace soragrad::test;

namespace {

using Json = nlohmann::json;

std::string train_fails(const TinyFolder& tiny, const std::vector<std::string>& more) {
  return message_of([&] { train_own(tiny, "failing", more); });
}

// What arrives at stderr while the object lives.
class StderrOf {
 public:
  explicit StderrOf(std::filesystem::path path)
      : path_(std::move(path)), before_(::dup(STDERR_FILENO)) {
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(file, STDERR_FILENO);
    ::close(file);
  }
  ~StderrOf() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  StderrOf(const StderrOf&) = delete;
  StderrOf& operator=(const StderrOf&) = delete;

  std::string text() const { return read_text(path_); }

 private:
  std::filesystem::path path_;
  int before_;
};

}  // namespace

TEST_CASE(
    "own data: a run learns its classes, and adapter, merged model and predictions name them") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(60));
  REQUIRE(train_own(tiny, "run", {"method=lora", "num_train_epochs=12", "labels=dog,cat,bird"}) ==
          0);
  const Json results = Json::parse(read_text(tiny / "run/results.json"));
  CHECK(results["validation"]["macro_f1"].get<double>() > 0.9);
  CHECK(results["metric_for_best_model"] == "macro_f1");
  const Json adapter = Json::parse(read_text(tiny / "run/best/adapter_config.json"));
  CHECK(adapter["labels"] == Json{"dog", "cat", "bird"});
  CHECK(adapter["num_labels"] == 3);
  CHECK(adapter["problem_type"] == "single_label_classification");

  REQUIRE(cli::export_main(
              {.run = tiny.run("run"), .format = "merged", .output = tiny.run("merged")}) == 0);
  const Json config = Json::parse(read_text(tiny / "merged/config.json"));
  CHECK(config["id2label"] == Json{{"0", "dog"}, {"1", "cat"}, {"2", "bird"}});
  CHECK(config["label2id"] == Json{{"dog", 0}, {"cat", 1}, {"bird", 2}});

  cli::EvalOptions options = of_run(tiny, "run", "run.tsv");
  options.probabilities = true;
  REQUIRE(cli::predict_main(options) == 0);
  const std::vector<std::string> lines = lines_of(read_text(tiny / "run.tsv"));
  REQUIRE(lines.size() == 61);
  CHECK(lines[0] == "id\tlabel\tprobability\tdog\tcat\tbird");
  CHECK(lines[1].starts_with("r0\tdog\t"));
  CHECK(lines[2].starts_with("r1\tcat\t"));

  cli::EvalOptions of_model = of_run(tiny, "", "merged.tsv");
  of_model.run.clear();
  of_model.model = tiny.run("merged");
  of_model.task = "custom";
  of_model.probabilities = true;
  REQUIRE(cli::predict_main(of_model) == 0);
  const std::vector<std::string> merged = lines_of(read_text(tiny / "merged.tsv"));
  REQUIRE(merged.size() == lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {  // id and name
    const auto name_end = [](const std::string& line) {
      return line.find('\t', line.find('\t') + 1);
    };
    CHECK(merged[i].substr(0, name_end(merged[i])) == lines[i].substr(0, name_end(lines[i])));
  }
}

TEST_CASE("own data: predictions as JSON lines hold the id, the name and its probability") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(12));
  REQUIRE(train_own(tiny, "run", {"max_steps=2"}) == 0);
  REQUIRE(cli::predict_main(of_run(tiny, "run", "out.jsonl")) == 0);
  const std::vector<std::string> lines = lines_of(read_text(tiny / "out.jsonl"));
  REQUIRE(lines.size() == 12);
  const Json row = Json::parse(lines[3]);
  CHECK(row["id"] == "r3");
  CHECK((row["label"] == "bird" || row["label"] == "cat" || row["label"] == "dog"));
  CHECK(row["probability"].get<double>() > 1.0 / 3 - 1e-6);
}

TEST_CASE("own data: the head's rows follow the names if the key labels has another order") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(30));
  REQUIRE(train_own(tiny, "first", {"method=full", "max_steps=4"}) == 0);  // bird, cat, dog
  REQUIRE(cli::export_main(
              {.run = tiny.run("first"), .format = "merged", .output = tiny.run("named")}) == 0);
  REQUIRE(train_own(tiny, "second",
                    {"method=lora", "max_steps=1", "learning_rate=0", "model=" + tiny.run("named"),
                     "labels=dog,bird,cat"}) == 0);
  cli::EvalOptions first = of_run(tiny, "first", "first.tsv");
  cli::EvalOptions second = of_run(tiny, "second", "second.tsv");
  REQUIRE(cli::predict_main(first) == 0);
  REQUIRE(cli::predict_main(second) == 0);
  CHECK(read_text(tiny / "first.tsv") == read_text(tiny / "second.tsv"));
  const Json adapter = Json::parse(read_text(tiny / "second/final/adapter_config.json"));
  CHECK(adapter["labels"] == Json{"dog", "bird", "cat"});
}

TEST_CASE(
    "own data: eval finds the classes of the key labels without regard to case, as train does") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(30));
  REQUIRE(train_own(tiny, "first", {"method=full", "max_steps=4", "labels=dog,cat,bird"}) == 0);
  REQUIRE(cli::export_main(
              {.run = tiny.run("first"), .format = "merged", .output = tiny.run("named")}) == 0);
  std::string text = read_text(tiny / "named/config.json");
  for (const char* name : {"\"dog\"", "\"cat\"", "\"bird\""}) {
    for (size_t at = text.find(name); at != text.npos; at = text.find(name, at)) {
      text[at + 1] = static_cast<char>(text[at + 1] - 'a' + 'A');
    }
  }
  tiny.write("named/config.json", text);
  cli::EvalOptions options = of_run(tiny, "", "named.tsv");
  options.run.clear();
  options.model = tiny.run("named");
  options.task = "custom";
  options.keys = {"labels=bird,cat,dog"};
  REQUIRE(cli::predict_main(options) == 0);
  cli::EvalOptions first = of_run(tiny, "first", "first.tsv");
  REQUIRE(cli::predict_main(first) == 0);
  CHECK(read_text(tiny / "named.tsv") == read_text(tiny / "first.tsv"));
  options.keys = {"labels=bird,cat,fox"};
  CHECK(contains(message_of([&] { cli::predict_main(options); }), "are Dog, Cat, Bird"));
}

TEST_CASE("own data: a label that the key labels lacks is named with its row") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(60));
  CHECK(contains(train_fails(tiny, {"labels=dog"}), "own.csv:3"));
}

TEST_CASE("own data: a resumed run has the bits of one that was never stopped") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(36));
  const std::vector<std::string> keys = {"method=lora", "save_steps=3", "class_weights=balanced",
                                         "load_best_model_at_end=false",
                                         "label_smoothing_factor=0.1"};
  std::vector<std::string> whole = keys, half = keys;
  whole.push_back("max_steps=6");
  half.push_back("max_steps=3");
  half.push_back("lr_scheduler_type=constant");
  whole.push_back("lr_scheduler_type=constant");
  REQUIRE(train_own(tiny, "whole", whole) == 0);
  REQUIRE(train_own(tiny, "half", half) == 0);
  REQUIRE(cli::train_main({.resume = tiny.run("half"), .arguments = {"max_steps=6"}}) == 0);
  CHECK(read_text(tiny / "whole/final/adapter_model.safetensors") ==
        read_text(tiny / "half/final/adapter_model.safetensors"));
}

TEST_CASE("own data: resume and eval refuse files with other bytes") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(36));
  REQUIRE(train_own(tiny, "run", {"max_steps=2", "save_steps=2"}) == 0);
  tiny.write("own.csv", animals(39));
  CHECK(contains(message_of([&] { cli::eval_main(of_run(tiny, "run", "")); }), "other bytes"));
  CHECK(contains(message_of([&] {
                   cli::train_main({.resume = tiny.run("run"), .arguments = {"max_steps=4"}});
                 }),
                 "other bytes"));
}

TEST_CASE("own data: the split does not depend on seed, and its rows are in split.json") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(60));
  REQUIRE(train_own(tiny, "a", {"max_steps=1", "seed=1"}) == 0);
  REQUIRE(train_own(tiny, "b", {"max_steps=1", "seed=2"}) == 0);
  REQUIRE(train_own(tiny, "c", {"max_steps=1", "split_seed=7"}) == 0);
  const Json a = Json::parse(read_text(tiny / "a/split.json"));
  CHECK(a["validation_rows"] == Json::parse(read_text(tiny / "b/split.json"))["validation_rows"]);
  CHECK(a["validation_rows"] != Json::parse(read_text(tiny / "c/split.json"))["validation_rows"]);
  CHECK(a["validation_rows"][0].size() == 6);
}

TEST_CASE("own data: an undefined metric is null in every file") {
  const TinyFolder tiny;
  tiny.write("own.csv", "text,score\na,0.5\nb,1.0\nc,1.5\nd,2.0\n");
  tiny.write("dev.csv", "text,score\na cat,2.5\nthe dog,2.5\n");  // a constant has no correlation
  REQUIRE(train_own(tiny, "run", {"max_steps=2", "validation_file=" + tiny.run("dev.csv")}) == 0);
  CHECK(Json::parse(read_text(tiny / "run/results.json"))["validation"]["pearson"].is_null());
  bool found = false;
  for (const std::string& line : lines_of(read_text(tiny / "run/metrics.jsonl"))) {
    const Json record = Json::parse(line);
    if (!record.contains("metrics")) continue;
    found = true;
    CHECK(record["metrics"]["pearson"].is_null());
    CHECK(record["metrics"]["mse"].is_number());
  }
  CHECK(found);
}

TEST_CASE(
    "own data: a selection metric that is never defined is told, one that is sometimes is not") {
  const TinyFolder tiny;
  tiny.write("own.csv", "text,score\na,0.5\nb cat,1.0\nthe dog,1.5\nold,2.0\n");
  tiny.write("same.csv", "text,score\na cat,2.5\nthe dog,2.5\n");
  tiny.write("other.csv", "text,score\na cat,2.5\nthe dog,1.5\n");
  const auto log_of = [&](const char* file) {
    StderrOf log(tiny / "log.txt");
    REQUIRE(train_own(tiny, "run",
                      {"max_steps=3", "eval_steps=1", "overwrite=true",
                       "validation_file=" + tiny.run(file)}) == 0);
    return log.text();
  };
  const std::string log = log_of("same.csv");
  CHECK(contains(log,
                 "warning: pearson was undefined at every evaluation, so none is the best; the "
                 "first, of step 1, stands for it."));
  CHECK_FALSE(contains(log, "(best so far)"));
  CHECK_FALSE(contains(log_of("other.csv"), "undefined at every"));
}

TEST_CASE("own data: several labels and regression train, evaluate and predict") {
  const TinyFolder tiny;
  tiny.write("own.csv",
             "text,labels\na cat,x;y\nthe dog,y\na bird,z\nold cat,x\nthe cat runs,x;z\na dog,y;z\n"
             "bird,z\ncat,x;y\n");
  REQUIRE(train_own(tiny, "many", {"max_steps=2", "label_separator=;", "validation_split=0.3"}) ==
          0);
  CHECK(Json::parse(read_text(tiny / "many/results.json"))["validation"].contains("micro_f1"));
  cli::EvalOptions options = of_run(tiny, "many", "many.tsv");
  options.probabilities = true;
  REQUIRE(cli::predict_main(options) == 0);
  CHECK(read_text(tiny / "many.tsv").starts_with("id\tlabel\tprobability\tx\ty\tz\n"));
  REQUIRE(cli::eval_main(of_run(tiny, "many", "")) == 0);
}

TEST_CASE("own data: the loss, or an error that falls, may pick the best checkpoint") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(12));
  REQUIRE(train_own(tiny, "run", {"max_steps=2", "metric_for_best_model=loss"}) == 0);
  CHECK(Json::parse(read_text(tiny / "run/results.json"))["labels"] == Json{"bird", "cat", "dog"});
  tiny.write("own.csv", "text,score\na cat,0.5\na dog,1\nold dog,1.5\nthe cat,2\na bird,0.25\n");
  REQUIRE(train_own(tiny, "scores",
                    {"max_steps=4", "eval_steps=1", "metric_for_best_model=mae",
                     "validation_split=0.4", "learning_rate=1e-3"}) == 0);
  const Json results = Json::parse(read_text(tiny / "scores/results.json"));
  double least = 1e300;
  for (const std::string& line : lines_of(read_text(tiny / "scores/metrics.jsonl"))) {
    const Json record = Json::parse(line);
    if (record.contains("metrics")) least = std::min(least, record["metrics"]["mae"].get<double>());
  }
  CHECK(results["validation"]["mae"].get<double>() == doctest::Approx(least));
  CHECK_FALSE(train_fails(tiny, {"metric_for_best_model=f1"}).empty());
}

TEST_CASE("own data: class weights of GLUE tasks are by number or by name") {
  const TinyFolder tiny;
  const auto train_with = [&](const std::string& weights) {
    cli::train_main(
        {.arguments = {"model=" + tiny.run("model"), "task=cola", "data=" + tiny.run(""),
                       "output=" + tiny.run("run"), "device=cpu", "max_steps=1", "overwrite=true",
                       "logging_steps=1", "class_weights=" + weights}});
  };
  const auto loss_of = [&](const std::string& weights) {
    train_with(weights);
    return lines_of(read_text(tiny / "run/metrics.jsonl"))[0];
  };
  const auto loss = [](const std::string& line) { return Json::parse(line)["loss"].get<double>(); };
  const double by_number = loss(loss_of("{0: 3}"));
  CHECK(by_number == loss(loss_of("{unacceptable: 3}")));
  CHECK(by_number != loss(loss_of("{0: 1}")));
  CHECK(contains(message_of([&] { train_with("{nothing: 1}"); }), "nothing"));
  CHECK(contains(message_of([&] { train_with("{0: 1, 0: 2}"); }), "a name twice"));
  CHECK(contains(message_of([&] { train_with("{0: 0, 1: 0}"); }), "nothing to learn"));
}

TEST_CASE("own data: eval takes no key that it does not read, and no other split of a run") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(60));
  REQUIRE(train_own(tiny, "run", {"max_steps=2", "validation_split=0.5"}) == 0);
  cli::EvalOptions options;
  options.run = tiny.run("run");
  options.device = "cpu";
  const auto fails = [&](const char* key) {
    options.keys = {key};
    return message_of([&] { cli::eval_main(options); });
  };
  CHECK(contains(fails("learning_rate=3"), "learning_rate has no effect here"));
  CHECK(contains(fails("max_eval_samples=5"), "max_eval_samples has no effect here"));
  CHECK(contains(fails("split_seed=1"), "rows validate that the run has trained on"));
  options.keys = {"validation_file=" + tiny.run("own.csv")};
  CHECK(cli::eval_main(options) == 0);
}

TEST_CASE("own data: a tokenizer that changed is told by eval and refused by a resume") {
  const TinyFolder tiny;
  tiny.write("own.csv", animals(60));
  REQUIRE(train_own(tiny, "run", {"method=lora", "max_steps=2"}) == 0);
  std::string vocabulary = read_text(tiny / "model/vocab.txt");
  std::swap(vocabulary[vocabulary.size() - 2], vocabulary[vocabulary.size() - 3]);
  tiny.write("model/vocab.txt", vocabulary);
  std::vector<std::string> notes;
  train::open_trained({.run = tiny.run("run"), .device = "cpu"},
                      [&](const std::string& line) { notes.push_back(line); });
  CHECK(std::ranges::any_of(
      notes, [](const std::string& line) { return contains(line, "warning: the tokenizer of"); }));
  CHECK(contains(message_of([&] {
                   cli::train_main({.resume = tiny.run("run"), .arguments = {"max_steps=4"}});
                 }),
                 "is not the one that the run began with"));
}

// SPDX-License-Identifier: Apache-2.0
