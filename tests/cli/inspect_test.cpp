// What `inspect` prints for a run, for a trace and for several runs.
#include "cli/inspect.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

#include "cli/trace.h"
#include "cli/train.h"
#include "core/error.h"
#include "tests/train/tiny_run.h"

namespace soragrad::cli {
namespace {

void train(const test::TinyFolder& tiny, const std::string& name,
           std::vector<std::string> arguments) {
  arguments.push_back("num_train_epochs=1");
  CHECK(train_run(tiny.config(name, arguments), [](std::string_view) {}) == 0);
}

}  // namespace

TEST_CASE("inspect: gradients and activations of a trace are not gates") {
  const test::TinyFolder tiny;
  train(tiny, "run", {"xi=1"});
  const auto run = inspect_path(tiny.run("run") + "/");
  CHECK(run["kind"] == "run");
  CHECK(run["gates"] == 2 * 6 * 8);

  TraceOptions trace;
  trace.model = tiny.run("model");
  trace.adapter = tiny.run("run/final");
  trace.task = "cola";
  trace.input = tiny.run("CoLA/dev.tsv");
  trace.grad = true;
  trace.output = tiny.run("trace.safetensors");
  REQUIRE(trace_main(trace) == 0);
  const auto file = inspect_path(trace.output);
  const std::string text = file.dump();
  CHECK(test::contains(text, "query.gate"));  // the gradients are there
  CHECK_FALSE(file.contains("gates"));
  CHECK_FALSE(file.contains("ranks"));
}

TEST_CASE("inspect: a model comes with what methods would train on it") {
  const test::TinyFolder tiny;
  const auto model = inspect_path(tiny.run("model"));
  REQUIRE(model["methods"].size() > 7);
  // Two layers of four (16, 16) and two (16, 24) Linears, at rank 4.
  CHECK(model["methods"][3]["method"] == "lora");
  CHECK(model["methods"][3]["trained"] == 2 * 4 * (4 * 32 + 2 * 40));
}

TEST_CASE("inspect: several runs make a page of ranks and costs; other paths are refused") {
  const test::TinyFolder tiny;
  train(tiny, "sora", {"xi=1", "sparse_lr=0.1"});
  train(tiny, "adalora", {"method=adalora", "init_r=4", "target_r=1"});
  train(tiny, "lora", {"method=lora"});
  InspectOptions options;
  options.html = tiny.run("page.html");
  options.paths = {tiny.run("sora"), tiny.run("adalora"), tiny.run("lora")};
  REQUIRE(inspect_main(options) == 0);
  const std::string page = test::read_text(options.html);
  for (const char* part :
       {"<svg", "Mean kept rank", "cola sora (1)", "cola adalora (1)", "/adalora", ">lora<"}) {
    CAPTURE(part);
    CHECK(test::contains(page, part));
  }
  options.paths[1] = tiny.run("model");
  CHECK_THROWS_WITH_AS(inspect_main(options), doctest::Contains("is no run"), Error);
  CHECK_THROWS_WITH_AS(inspect_path(tiny.run("model/config.json")),
                       doctest::Contains("is no file of weights"), Error);
  CHECK_THROWS_WITH_AS(inspect_path(tiny.run("nothing")), doctest::Contains("does not exist"),
                       Error);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
