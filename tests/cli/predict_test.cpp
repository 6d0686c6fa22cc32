// From training to a submission: predictions score exactly what eval and results.json report.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/eval.h"
#include "cli/export.h"
#include "cli/inspect.h"
#include "cli/trace.h"
#include "cli/train.h"
#include "core/error.h"
#include "models/load.h"
#include "nn/checkpoint/state_dict.h"
#include "tests/train/tiny_run.h"
#include "train/config/config.h"
#include "train/loop/evaluate.h"
#include "train/loop/open_trained.h"

using namespace soragrad;
using soragrad::test::read_text;
using soragrad::test::TinyFolder;

namespace {

void train_tiny(const TinyFolder& tiny, const std::string& output, std::vector<std::string> more) {
  std::vector<std::string> arguments = {"model=" + tiny.run("model"), "data=" + tiny.run(""),
                                        "task=cola", "output=" + tiny.run(output), "device=cpu"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  REQUIRE(cli::train_main({.arguments = arguments}) == 0);
}

// Labels of column 2 of a CoLA file, predictions of column 2 of a submission.
std::vector<int> column(const std::string& text, bool header) {
  std::istringstream lines(text);
  std::string line;
  std::vector<int> values;
  if (header) std::getline(lines, line);
  while (std::getline(lines, line)) values.push_back(line[line.find('\t') + 1] - '0');
  return values;
}

}  // namespace

TEST_CASE("predict: the submission's Matthews correlation is the one in results.json") {
  const TinyFolder tiny;
  train_tiny(tiny, "run", {"method=full", "num_train_epochs=20", "learning_rate=2e-3"});
  cli::EvalOptions options;
  options.run = tiny.run("run");
  options.input = tiny.run("CoLA/dev.tsv");
  options.output = tiny.run("CoLA.tsv");
  REQUIRE(cli::predict_main(options) == 0);
  const std::vector<int> predicted = column(read_text(options.output), true);
  const std::vector<int> labels = column(read_text(options.input), false);
  REQUIRE(predicted.size() == 21);
  REQUIRE(labels.size() == 21);
  double tp = 0, tn = 0, fp = 0, fn = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    (predicted[i] ? (labels[i] ? tp : fp) : (labels[i] ? fn : tn)) += 1;
  }
  const double mcc = (tp * tn - fp * fn) / std::sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
  const auto results = nlohmann::json::parse(read_text(tiny.run("run/results.json")));
  CHECK(results["validation"]["matthews_correlation"].get<double>() == doctest::Approx(mcc));
  CHECK(mcc > 0.5);
}

TEST_CASE("eval: a pretrained model without a head gets a fresh one") {
  const TinyFolder tiny;
  const auto model = models::load_model(tiny.run("model"), {}).model;
  std::vector<nn::Parameter*> backbone = model->parameters();
  std::erase_if(backbone, [](nn::Parameter* p) { return p->path().starts_with("classifier."); });
  REQUIRE(backbone.size() + 2 == model->parameters().size());
  nn::save_state(tiny / "model/model.safetensors", backbone);
  cli::EvalOptions options;
  options.model = tiny.run("model");
  options.data = tiny.run("");
  options.task = "cola";
  CHECK(cli::eval_main(options) == 0);
}

TEST_CASE("eval: a run keeps its precision unless told otherwise") {
  const TinyFolder tiny;
  for (const char* method : {"method=sora", "method=full"}) {
    CAPTURE(method);
    train_tiny(tiny, "run",
               {method, "precision=bf16", "overwrite=true", "max_steps=8", "eval_steps=8"});
    const auto loss = [&](const std::string& precision) {
      train::Trained trained = train::open_trained(
          {.run = tiny.run("run"), .device = "cpu", .precision = precision}, [](const auto&) {});
      data::Dataset dataset = data::load_glue_file(*trained.task, tiny.run("CoLA/dev.tsv"));
      const train::Rows rows =
          train::encode_rows(*trained.tokenizer, {"dev", std::move(dataset)}, 128, 13);
      return train::evaluate(*trained.model, rows, 64).loss;
    };
    CHECK(loss("") == loss("bf16"));
    CHECK(loss("") != loss("fp32"));
    CHECK(loss("") == doctest::Approx(loss("fp32")).epsilon(1e-2));
    // The run's own evaluation after its last step.
    std::istringstream log(read_text(tiny.run("run/metrics.jsonl")));
    double last = 0;
    for (std::string line; std::getline(log, line);) {
      const auto entry = nlohmann::json::parse(line);
      if (entry.contains("metrics")) last = entry["loss"].get<double>();
    }
    CHECK(loss("") == doctest::Approx(last).epsilon(1e-6));
    CHECK_THROWS_AS(loss("fp8"), UsageError);
  }
}

TEST_CASE("export: merged and pruned predict what the run predicts") {
  const TinyFolder tiny;
  train_tiny(
      tiny, "run",
      {"xi=0.5", "sparse_lr=0.05", "num_train_epochs=30", "learning_rate=1e-2", "max_grad_norm=1"});
  cli::EvalOptions of_run;
  of_run.run = tiny.run("run");
  of_run.input = tiny.run("CoLA/dev.tsv");
  of_run.output = tiny.run("run.tsv");
  REQUIRE(cli::predict_main(of_run) == 0);
  const std::vector<int> predicted = column(read_text(of_run.output), true);
  REQUIRE(std::ranges::count(predicted, 1) > 0);  // both classes, else equality proves little
  REQUIRE(std::ranges::count(predicted, 0) > 0);
  for (const std::string format : {"merged", "pruned", "peft"}) {
    CAPTURE(format);
    REQUIRE(cli::export_main(
                {.run = tiny.run("run"), .format = format, .output = tiny.run(format)}) == 0);
    cli::EvalOptions options = of_run;
    options.run.clear();
    options.task = "cola";
    options.model = tiny.run(format == "merged" ? "merged" : "model");
    if (format != "merged") options.adapter = tiny.run(format);
    options.output = tiny.run(format + ".tsv");
    REQUIRE(cli::predict_main(options) == 0);
    CHECK(read_text(options.output) == read_text(of_run.output));
    CHECK_THROWS_AS(
        cli::export_main({.run = tiny.run("run"), .format = format, .output = tiny.run(format)}),
        Error);
  }
}

TEST_CASE("predict, trace: an output that would destroy what is needed is refused") {
  const TinyFolder tiny;
  const std::string input = tiny.run("CoLA/dev.tsv"), rows = read_text(input);
  std::filesystem::create_symlink(input, tiny.run("link.tsv"));
  cli::EvalOptions options;
  options.model = tiny.run("model");
  options.task = "cola";
  options.input = input;
  for (const std::string& output : {input, tiny.run("link.tsv")}) {
    options.output = output;
    CHECK_THROWS_WITH_AS(cli::predict_main(options), doctest::Contains("is the file that is read"),
                         Error);
  }
  for (const char* part : {"model/config.json", "model/vocab.txt", "model/model.safetensors"}) {
    options.output = tiny.run(part);
    CHECK_THROWS_AS(cli::predict_main(options), Error);
    CHECK_THROWS_WITH_AS(
        cli::trace_main(
            {.model = options.model, .task = "cola", .input = input, .output = options.output}),
        doctest::Contains("belongs to a model"), Error);
  }
  options.output = tiny.run("p.csv");
  CHECK_THROWS_AS(cli::predict_main(options), UsageError);
  CHECK(read_text(input) == rows);
  options.output = tiny.run("model/predictions.tsv");
  CHECK(cli::predict_main(options) == 0);
  CHECK(cli::predict_main(options) == 0);  // a result may be made again
}

TEST_CASE("eval: a run or an adapter in place of a model is named as such") {
  const TinyFolder tiny;
  train_tiny(tiny, "run", {"method=lora", "max_steps=1"});
  cli::EvalOptions options;
  options.task = "cola";
  options.data = tiny.run("");
  options.model = tiny.run("run");
  CHECK_THROWS_WITH_AS(cli::eval_main(options), doctest::Contains("is a run, not a model"), Error);
  options.model = tiny.run("run/best");
  CHECK_THROWS_WITH_AS(cli::eval_main(options), doctest::Contains("is an adapter, not a model"),
                       Error);
}

TEST_CASE("train: wrong use is a UsageError, a folder that is no run an Error") {
  const TinyFolder tiny;
  CHECK_THROWS_AS(cli::train_main({.arguments = {"modle=x"}}), UsageError);
  CHECK_THROWS_AS(cli::train_main({}), UsageError);
  CHECK_THROWS_AS(cli::train_main({.resume = tiny.run(""), .dump_config = true}), UsageError);
  CHECK_THROWS_AS(cli::train_main({.resume = tiny.run("model")}), Error);
  CHECK_THROWS_AS(cli::train_main({.config = tiny.run("missing.yaml")}), Error);
}

TEST_CASE("eval: a run and an adapter exclude each other, a model needs a task") {
  CHECK_THROWS_AS(cli::eval_main({}), UsageError);
  CHECK_THROWS_AS(cli::eval_main({.run = "a", .adapter = "b"}), UsageError);
  CHECK_THROWS_AS(cli::eval_main({.model = "b", .split = "trian"}), UsageError);
}

// SPDX-License-Identifier: Apache-2.0
