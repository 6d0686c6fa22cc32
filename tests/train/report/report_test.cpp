// The page of a run: what it must hold, that text of the data stays text, and what it tells of runs
// that are unfinished or were changed.
#include "train/report/report.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/train/tiny_run.h"
#include "tests/train/whole_run.h"
#include "train/loop/finish.h"
#include "train/loop/trainer.h"
#include "train/report/report_sections.h"

using namespace soragrad;
using namespace soragrad::train;
using soragrad::test::contains;
using soragrad::test::message_of;
using soragrad::test::read_text;
using soragrad::test::run_to_end;
using soragrad::test::TinyFolder;
namespace fs = std::filesystem;

namespace {

std::string page_of(const std::vector<std::string>& paths) {
  return report_html(read_runs(paths));
}

}  // namespace

TEST_CASE("report: evaluation.json agrees with results.json and with itself") {
  const TinyFolder tiny;
  const nlohmann::json results = run_to_end(tiny.config("run", {"xi=1"}));
  const auto file = nlohmann::json::parse(read_text(tiny.run("run/evaluation.json")));
  CHECK(file["step"] == results["best_step"]);
  REQUIRE(file["splits"].size() == 1);
  const nlohmann::json& split = file["splits"][0];
  CHECK(split["metrics"] == results["validation"]);
  CHECK(split["rows"] == 21);
  int64_t confused = 0, binned = 0, supported = 0;
  for (const auto& cell : split["confusion"]) confused += cell[2].get<int64_t>();
  for (const auto& bin : split["calibration"]["bins"]) binned += bin["count"].get<int64_t>();
  for (const auto& row : split["classes"]) supported += row["support"].get<int64_t>();
  CHECK(confused == 21);
  CHECK(binned == 21);
  CHECK(supported == 21);
  double sum = 0;
  for (const auto& loss : split["kept"]["loss"]) sum += loss.get<double>();
  CHECK(sum / 21 == doctest::Approx(split["loss"].get<double>()).epsilon(1e-4));
  for (size_t i = 1; i < split["worst"].size(); ++i) {
    CHECK(split["worst"][i]["loss"] <= split["worst"][i - 1]["loss"]);
  }
  CHECK(split["worst"][0]["text"].get<std::string>().size() > 0);
}

TEST_CASE("report: results.json has the rows, labels and hashes of the files") {
  const TinyFolder tiny;
  const nlohmann::json results = run_to_end(tiny.config("run", {"max_steps=2"}));
  const nlohmann::json& train = results["data"]["train"];
  CHECK(train["rows"] == 44);
  CHECK(train["labels"][0][1].get<int64_t>() + train["labels"][1][1].get<int64_t>() == 44);
  CHECK(train["sha256"].get<std::string>().size() == 64);
  CHECK(results["data"]["validation"]["sha256"] != train["sha256"]);
  CHECK(contains(page_of({tiny.run("run")}), train["sha256"].get<std::string>()));
}

TEST_CASE("report: every section of a run is on the page") {
  const TinyFolder tiny;
  run_to_end(tiny.config("run", {"xi=1"}));
  const std::string page = page_of({tiny.run("run")});
  for (const char* part :
       {"cola by sora, seed 42", "Learning curves", "Gradient norm", "Gates at zero",
        "Sizes of the gates and the sum of thresholds", "Kept rank of each module",
        "Every gate over the steps", "Confusion matrix", "Reliability",
        "Expected calibration error", "the largest loss", "by the released code", "peak memory",
        "prefers-color-scheme: dark", "@media print", "soragrad train model=", "output=", "xi"}) {
    CAPTURE(part);
    CHECK(contains(page, part));
  }
  CHECK_FALSE(contains(page, "http://www.w3.org/1999"));  // one file, nothing is loaded
  for (const char* part : {"src=", "<link", "@import", "url("}) CHECK_FALSE(contains(page, part));
  CHECK_FALSE(contains(page, ">nan<"));
}

TEST_CASE("report: hostile text in rows, labels and paths stays text") {
  const TinyFolder tiny;
  std::string rows;
  for (int i = 0; i < 8; ++i) {
    rows += fmt::format("x\t{}\t\t<script>alert({})</script> \"cat\" & <b>dog\n", i % 2, i);
  }
  tiny.write("CoLA/dev.tsv", rows);
  run_to_end(tiny.config("run <i>", {"max_steps=2"}));
  const std::string page = page_of({tiny.run("run <i>")});
  CHECK_FALSE(contains(page, "<script>alert"));
  CHECK_FALSE(contains(page, "<b>dog"));
  CHECK_FALSE(contains(page, "run <i>"));
  CHECK(contains(page, "&lt;script&gt;alert("));
  CHECK(contains(page, "'output="));  // the shell sees one word
}

TEST_CASE("report: several runs are headed by the keys in which they differ") {
  const TinyFolder tiny;
  run_to_end(tiny.config("a", {"max_steps=4", "seed=1"}));
  run_to_end(tiny.config("b", {"max_steps=4", "seed=2", "method=lora", "r=4"}));
  const std::vector<RunRecord> runs = read_runs({tiny.run("a"), tiny.run("b")});
  const std::vector<std::string> keys = differing_keys(runs);
  REQUIRE(keys.size() >= 4);
  CHECK(keys[0] == "method");
  CHECK(keys[1] == "seed");
  CHECK(std::ranges::find(keys, "r") != keys.end());
  CHECK(keys.back() == "output");  // changes no number
  const std::string page = report_html(runs);
  CHECK(contains(page, "<h1>2 runs by method, seed, r</h1>"));
  CHECK(contains(page, "data-key=\"1/validation/matthews_correlation\""));
  CHECK(runs[0].name == "a");
}

TEST_CASE("report: the command repeats the run to the same numbers") {
  const TinyFolder tiny;
  const nlohmann::json results =
      run_to_end(tiny.config("run", {"max_steps=3", "target_modules=query,value", "xi=0.7"}));
  const RunRecord run = read_run(tiny.run("run"));
  CHECK(contains(repeat_command(run), "target_modules=query,value"));
  Config again;
  for (const ChosenKey& key : chosen_keys(run)) {
    set(again, key.name, key.value == "[query, value]" ? "query,value" : key.value, "test");
  }
  again.output = tiny.run("again");
  resolve(again);
  CHECK(run_to_end(again)["validation"] == results["validation"]);
  CHECK(read_text(tiny.run("again/final/adapter_model.safetensors")) ==
        read_text(tiny.run("run/final/adapter_model.safetensors")));
}

TEST_CASE("report: an unfinished run, and one whose evaluation is of other results, say so") {
  const TinyFolder tiny;
  run_to_end(tiny.config("run", {"max_steps=4"}));
  SUBCASE("unfinished") {
    fs::remove(tiny.run("run/results.json"));
    const std::string page = page_of({tiny.run("run")});
    CHECK(contains(page, "is not finished: its last logged step is 4"));
    CHECK(contains(page, "Learning curves"));
    CHECK_FALSE(contains(page, "Confusion matrix"));
  }
  SUBCASE("another evaluation") {
    auto results = nlohmann::json::parse(read_text(tiny.run("run/results.json")));
    results["validation"]["matthews_correlation"] = 0.123;
    std::ofstream(tiny.run("run/results.json")) << results;
    const std::string page = page_of({tiny.run("run")});
    CHECK(contains(page, "has other metrics than results.json"));
    CHECK_FALSE(contains(page, "Confusion matrix"));
  }
  SUBCASE("without the files of this version") {
    fs::remove(tiny.run("run/evaluation.json"));
    fs::remove(tiny.run("run/gates.bin"));
    CHECK(contains(page_of({tiny.run("run")}), "has no evaluation.json"));
  }
  SUBCASE("no run") {
    CHECK(contains(message_of([&] { page_of({tiny.run("model")}); }), "is no run folder"));
  }
}

TEST_CASE("report: a run that is resumed leaves the same gates and evaluation") {
  const TinyFolder tiny;
  run_to_end(tiny.config("whole", {"xi=1", "save_steps=5", "save_total_limit=0"}));
  Config config = tiny.config("run", {"xi=1", "save_steps=5", "save_total_limit=0"});
  run_to_end(config);
  const std::string run = tiny.run("run");
  for (const auto& entry : fs::directory_iterator(run + "/checkpoints")) {
    if (entry.path().filename() != "step-5") fs::remove_all(entry.path());
  }
  for (const char* name : {"results.json", "evaluation.json"}) fs::remove(run + "/" + name);
  const RunFolder folder = RunFolder::open(run, false);
  const auto session = open_session(
      config, [](const std::string&) {}, find_checkpoint(folder, {}));
  RunFolder own = RunFolder::open(run, true);
  Trainer trainer(*session, own);
  REQUIRE(trainer.run());
  finish_run(*session, own, trainer, {"0", "test"});
  CHECK(read_text(run + "/gates.bin") == read_text(tiny.run("whole/gates.bin")));
  CHECK(read_text(run + "/evaluation.json") == read_text(tiny.run("whole/evaluation.json")));
}

// SPDX-License-Identifier: Apache-2.0
