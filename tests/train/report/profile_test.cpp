// A profile records what ran and changes no bit of the run.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/profile.h"
#include "models/load.h"
#include "tests/train/tiny_run.h"
#include "train/loop/session.h"
#include "train/loop/trainer.h"
#include "train/report/profile_report.h"
#include "train/run/run_folder.h"

using namespace soragrad;
using soragrad::test::contains;
using soragrad::test::read_text;
using soragrad::test::TinyFolder;

namespace {

// Trains two epochs of SoRA into a new folder.
void train_tiny(const TinyFolder& tiny, const std::string& name) {
  const train::Config config = tiny.config(name, {"method=sora", "r=2"});
  const auto session = train::open_session(config, [](const std::string&) {});
  train::RunFolder folder = train::RunFolder::create(config.output, config);
  REQUIRE(train::Trainer(*session, folder).run());
}

struct Interval {
  double start, end;
  std::string kind, name, module;
};

std::vector<Interval> intervals(const nlohmann::json& trace) {
  std::vector<Interval> result;
  for (const auto& event : trace["traceEvents"]) {
    REQUIRE(event["ph"] == "X");
    const double start = event["ts"], duration = event["dur"];
    REQUIRE(duration >= 0);
    result.push_back({start, start + duration, event["cat"], event["name"],
                      event["args"]["module"].get<std::string>()});
  }
  return result;
}

}  // namespace

TEST_CASE("profile: nothing is recorded unless asked for") {
  const TinyFolder tiny;
  REQUIRE(profile::recorder == nullptr);
  train_tiny(tiny, "run");
  CHECK(profile::recorder == nullptr);
  const profile::Recorder recorder;
  CHECK(profile::recorder == &recorder);
  CHECK(recorder.events().empty());
}

TEST_CASE("profile: a run has the same bits with it and without") {
  const TinyFolder tiny;
  train_tiny(tiny, "without");
  const profile::Recorder recorder;
  train_tiny(tiny, "with");
  REQUIRE(recorder.total() > 0);
  const std::string best = "/best/adapter_model.safetensors";
  CHECK(read_text(tiny.run("with") + best) == read_text(tiny.run("without") + best));
  REQUIRE(!read_text(tiny.run("with") + best).empty());
}

TEST_CASE("profile: the trace nests, and its modules are the model's") {
  const TinyFolder tiny;
  const profile::Recorder recorder;
  train_tiny(tiny, "run");
  const auto trace = nlohmann::json::parse(train::profile_trace(recorder));
  std::vector<Interval> events = intervals(trace);
  REQUIRE(events.size() > 1000);
  REQUIRE(recorder.complete());

  // Sorted by start, the longer first: each lies in the innermost one that is still open.
  std::stable_sort(events.begin(), events.end(), [](const Interval& a, const Interval& b) {
    return a.start != b.start ? a.start < b.start : a.end > b.end;
  });
  constexpr double kRounding = 0.0011;  // microseconds: three decimals
  std::vector<Interval> open;
  size_t crossings = 0;
  for (const Interval& event : events) {
    while (!open.empty() && open.back().end < event.start + kRounding) open.pop_back();
    if (!open.empty() && event.end > open.back().end + kRounding) ++crossings;
    open.push_back(event);
  }
  CHECK(crossings == 0);

  const auto model = models::load_model(tiny.run("model"), {}).model;
  std::set<std::string> paths{""};
  model->for_each_module([&](nn::Module& module) { paths.insert(module.path()); });
  std::set<std::string> seen, backward;
  for (const Interval& event : events) {
    CHECK(paths.contains(event.module));
    if (event.kind == "module") CHECK(event.name == event.module);
    if (event.kind == "module") seen.insert(event.module);
    if (event.name == "low_rank_delta backward") backward.insert(event.module);
  }
  CHECK(seen.contains("bert.encoder.layer.1.attention.self.query"));
  CHECK(seen.contains("bert.encoder.layer.0.output.LayerNorm"));
  CHECK(backward.contains("bert.encoder.layer.0.intermediate.dense"));
  CHECK(backward.size() == 12);
}

TEST_CASE("profile: times and products add up") {
  const TinyFolder tiny;
  const profile::Recorder recorder;
  train_tiny(tiny, "run");
  int64_t of_ops = 0, of_kernels = 0, of_phases = 0;
  double flops_of_ops = 0, flops_of_kernels = 0;
  for (const auto& [name, row] : recorder.ops()) {
    of_ops += row.duration;
    flops_of_ops += row.cost.flops;
  }
  for (const auto& [name, row] : recorder.kernels()) {
    of_kernels += row.duration;
    flops_of_kernels += row.cost.flops;
  }
  for (const profile::Event& event : recorder.events()) {
    const std::string& name = recorder.text(event.name);
    if (name == "step" || name == "evaluation") of_phases += event.duration;
  }
  CHECK(of_phases == recorder.total());
  CHECK(of_ops <= recorder.total());
  CHECK(of_kernels <= of_ops);
  CHECK(flops_of_ops == doctest::Approx(flops_of_kernels));
  // Each step runs the delta of 12 Linears forward and backward; the evaluations run it forward.
  const profile::Row& backward = recorder.ops().at("low_rank_delta backward");
  CHECK(backward.calls == 12 * 22);
  CHECK(recorder.ops().at("adamw").calls == 22);
  CHECK(recorder.ops().at("low_rank_delta").calls > backward.calls);
}

TEST_CASE("profile: a product's arithmetic is 2 m n k, and its table says so") {
  profile::Recorder recorder;
  {
    const profile::Span span("step");
    const Variable a(Tensor::full({30, 50}, 1)), b(Tensor::full({50, 70}, 1));
    matmul(a, b);
  }
  const profile::Row& row = recorder.ops().at("matmul");
  CHECK(row.calls == 1);
  CHECK(row.cost.flops == 2.0 * 30 * 50 * 70);
  CHECK(row.cost.bytes == sizeof(real) * (30 * 50 + 50 * 70 + 30 * 70));
  const std::string table = train::profile_table(recorder, {});
  CHECK(contains(table, "matmul"));
  CHECK(contains(table, "not known"));
  CHECK(contains(train::profile_table(recorder, {1e12, 1e11}), "1000.0"));
}

TEST_CASE("profile: a file that cannot be written is an error before the run") {
  CHECK_THROWS_AS(train::ProfileRun("/no/such/folder/trace.json"), Error);
}

// SPDX-License-Identifier: Apache-2.0
