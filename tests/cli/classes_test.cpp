// Never a wrong number without a word: classes are matched by name, untrained heads, foreign tasks
// and numbers that are not finite are named.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/eval.h"
#include "cli/export.h"
#include "cli/trace.h"
#include "cli/train.h"
#include "core/error.h"
#include "models/load.h"
#include "nn/checkpoint/state_dict.h"
#include "tests/train/tiny_run.h"
#include "train/loop/evaluate.h"
#include "train/loop/open_trained.h"

using namespace soragrad;
using soragrad::test::contains;
using soragrad::test::message_of;
using soragrad::test::read_text;
using soragrad::test::TinyFolder;

namespace {

using Json = nlohmann::json;

void set_names(const TinyFolder& tiny, const Json& names) {
  Json config = Json::parse(read_text(tiny / "model/config.json"));
  config["id2label"] = names;
  tiny.write("model/config.json", config.dump());
}

// Rewrites the model with its two classes in the other order.
void swap_classes(const TinyFolder& tiny) {
  const auto model = models::load_model(tiny.run("model"), {}).model;
  for (const char* name : {"classifier.weight", "classifier.bias"}) {
    nn::Parameter* parameter = model->find_parameter(name);
    std::vector<real> values = parameter->value().to_vector();
    std::rotate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                values.end());
    parameter->assign(Tensor::from(values, parameter->declared_shape()));
  }
  nn::save_state(tiny / "model/model.safetensors", model->parameters());
}

cli::EvalOptions options_of(const TinyFolder& tiny, const std::string& output = "out.tsv") {
  cli::EvalOptions options;
  options.model = tiny.run("model");
  options.data = tiny.run("");
  options.task = "cola";
  options.input = tiny.run("CoLA/dev.tsv");
  options.output = tiny.run(output);
  return options;
}

double loss_of(const TinyFolder& tiny, std::vector<std::string>* notes = nullptr) {
  const train::Trained trained = train::open_trained(
      {.model = tiny.run("model"), .task = "cola", .data = tiny.run(""), .device = "cpu"},
      [&](const std::string& line) {
        if (notes) notes->push_back(line);
      });
  data::Dataset dataset = data::load_glue_file(*trained.task, tiny.run("CoLA/dev.tsv"));
  return train::evaluate(
             *trained.model,
             train::encode_rows(*trained.tokenizer, {"dev", std::move(dataset)}, 128, 13), 64)
      .loss;
}

std::vector<std::string> train_arguments(const TinyFolder& tiny, const char* method) {
  return {
      "model=" + tiny.run("model"), "data=" + tiny.run(""),          "task=cola",   "device=cpu",
      "output=" + tiny.run("run"),  std::string("method=") + method, "max_steps=4", "eval_steps=4"};
}

}  // namespace

TEST_CASE(
    "classes: a model with the task's names in another order is scored and answers the same") {
  const TinyFolder tiny;
  const double expected = loss_of(tiny);
  REQUIRE(cli::predict_main(options_of(tiny, "expected.tsv")) == 0);
  swap_classes(tiny);
  CHECK(loss_of(tiny) != doctest::Approx(expected));  // nothing tells the order yet
  set_names(tiny, {{"0", "ACCEPTABLE"}, {"1", "Unacceptable"}});
  CHECK(loss_of(tiny) == doctest::Approx(expected).epsilon(1e-6));
  REQUIRE(cli::predict_main(options_of(tiny)) == 0);
  CHECK(read_text(tiny / "out.tsv") == read_text(tiny / "expected.tsv"));
}

TEST_CASE("classes: another set of names is refused by eval, predict and trace, with both sets") {
  const TinyFolder tiny;
  set_names(tiny, {{"0", "joy"}, {"1", "anger"}});
  const auto check = [](const std::string& message) {
    CAPTURE(message);
    CHECK(contains(message, "joy, anger"));
    CHECK(contains(message, "unacceptable, acceptable"));
    CHECK(message.size() < 500);
  };
  check(message_of([&] { cli::eval_main(options_of(tiny)); }));
  check(message_of([&] { cli::predict_main(options_of(tiny)); }));
  cli::TraceOptions trace;
  trace.model = tiny.run("model");
  trace.task = "cola";
  trace.input = tiny.run("CoLA/dev.tsv");
  trace.output = tiny.run("trace.safetensors");
  check(message_of([&] { cli::trace_main(trace); }));
  CHECK_FALSE(std::filesystem::exists(tiny / "trace.safetensors"));
}

TEST_CASE("classes: what is trained carries the task's names, in the model's order") {
  for (const char* method : {"full", "lora"}) {
    CAPTURE(method);
    const TinyFolder tiny;
    set_names(tiny, {{"0", "ACCEPTABLE"}, {"1", "UNACCEPTABLE"}});
    REQUIRE(cli::train_main({.arguments = train_arguments(tiny, method)}) == 0);
    REQUIRE(cli::export_main(
                {.run = tiny.run("run"), .format = "merged", .output = tiny.run("merged")}) == 0);
    const Json config = Json::parse(read_text(tiny / "merged/config.json"));
    CHECK(config["id2label"] == Json{{"0", "acceptable"}, {"1", "unacceptable"}});
    CHECK(config["label2id"] == Json{{"acceptable", 0}, {"unacceptable", 1}});
    cli::EvalOptions of_run = options_of(tiny, "run.tsv");
    of_run.model.clear();
    of_run.run = tiny.run("run");
    REQUIRE(cli::predict_main(of_run) == 0);
    cli::EvalOptions of_export = options_of(tiny, "merged.tsv");
    of_export.model = tiny.run("merged");
    REQUIRE(cli::predict_main(of_export) == 0);
    CHECK(read_text(tiny / "run.tsv") == read_text(tiny / "merged.tsv"));
  }
}

TEST_CASE("classes: an adapter's classes are found by their names, another set is refused") {
  const TinyFolder tiny;
  const auto train_on = [&](const std::string& run, const char* one, const char* other) {
    std::string rows = "text,label\n";
    for (int i = 0; i < 40; ++i) {
      rows +=
          i % 2 == 0 ? fmt::format("a cat,{}\n", one) : fmt::format("old bird sees,{}\n", other);
    }
    tiny.write("own.csv", rows);
    REQUIRE(cli::train_main({.arguments = {"model=" + tiny.run("model"), "task=custom",
                                           "train_file=" + tiny.run("own.csv"), "method=lora",
                                           "num_train_epochs=8", "learning_rate=1e-2", "device=cpu",
                                           "output=" + tiny.run(run)}}) == 0);
  };
  const auto of_run = [&](const std::string& run, const std::string& output) {
    cli::EvalOptions options = options_of(tiny, output);
    options.model.clear();
    options.run = tiny.run(run);
    return options;
  };
  train_on("run", "unacceptable", "acceptable");  // by code point the other way round than CoLA
  REQUIRE(cli::export_main(
              {.run = tiny.run("run"), .format = "merged", .output = tiny.run("merged")}) == 0);
  REQUIRE(cli::predict_main(of_run("run", "run.tsv")) == 0);
  cli::EvalOptions of_export = options_of(tiny, "merged.tsv");
  of_export.model = tiny.run("merged");
  REQUIRE(cli::predict_main(of_export) == 0);
  CHECK(read_text(tiny / "run.tsv") == read_text(tiny / "merged.tsv"));
  CHECK(contains(read_text(tiny / "run.tsv"), "\t0\n"));  // both classes are answered
  CHECK(contains(read_text(tiny / "run.tsv"), "\t1\n"));

  // Training goes on from it with the same answers: without a rate nothing changes.
  std::vector<std::string> arguments = train_arguments(tiny, "lora");
  arguments.insert(arguments.end(), {"initial_state=" + tiny.run("run/best"), "learning_rate=0",
                                     "output=" + tiny.run("again")});
  REQUIRE(cli::train_main({.arguments = arguments}) == 0);
  REQUIRE(cli::predict_main(of_run("again", "again.tsv")) == 0);
  CHECK(read_text(tiny / "again.tsv") == read_text(tiny / "run.tsv"));

  train_on("other", "joy", "anger");
  const std::string message = message_of([&] { cli::eval_main(of_run("other", "other.tsv")); });
  CHECK(contains(message, "anger, joy"));
  CHECK(contains(message, "unacceptable, acceptable"));
}

TEST_CASE("classes: predict refuses a head that no file holds; eval says that it is untrained") {
  const TinyFolder tiny;
  const auto model = models::load_model(tiny.run("model"), {}).model;
  std::vector<nn::Parameter*> backbone = model->parameters();
  std::erase_if(backbone, [](nn::Parameter* p) { return nn::is_head(*p); });
  nn::save_state(tiny / "model/model.safetensors", backbone);
  CHECK(contains(message_of([&] { cli::predict_main(options_of(tiny)); }), "classifier.weight"));
  std::vector<std::string> notes;
  loss_of(tiny, &notes);
  REQUIRE(notes.size() == 1);
  CHECK(contains(notes[0], "warning: the head is untrained"));
}

TEST_CASE("classes: one task's run under another's name is warned of, a diagnostic set is not") {
  const auto line = [](const char* trained_on, const char* task) {
    return train::other_task_line("runs/a", trained_on, data::find_task(task));
  };
  CHECK(contains(line("rte", "mrpc"), "runs/a was trained on rte and answers mrpc"));
  CHECK(line("rte", "rte").empty());
  CHECK(line("", "rte").empty());
  CHECK(line("mnli", "ax").empty());
  CHECK_FALSE(line("rte", "ax").empty());
}

TEST_CASE("logits: numbers that are not finite fail with the row and the first module") {
  const TinyFolder tiny;
  const auto model = models::load_model(tiny.run("model"), {}).model;
  nn::Parameter* bias = model->find_parameter("bert.encoder.layer.0.intermediate.dense.bias");
  std::vector<real> values = bias->value().to_vector();
  values[3] = std::numeric_limits<real>::quiet_NaN();
  bias->assign(Tensor::from(values, bias->declared_shape()));
  nn::save_state(tiny / "model/model.safetensors", model->parameters());
  for (const auto& verb : {cli::eval_main, cli::predict_main}) {
    const std::string message = message_of([&] { verb(options_of(tiny)); });
    CAPTURE(message);
    CHECK(contains(message, "row 0"));
    CHECK(contains(message, "not finite"));
    CHECK(contains(message, "bert.encoder.layer.0.intermediate.dense"));
  }
  CHECK_FALSE(std::filesystem::exists(tiny / "out.tsv"));
}

// SPDX-License-Identifier: Apache-2.0
