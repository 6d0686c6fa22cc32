// A trainer of one's own, of 60 lines on the library's public headers, repeats `soragrad train` of
// every method with the same keys: losses and regularizers of each step and the saved adapter.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fstream>

#include "soragrad.h"
#include "tests/train/tiny_run.h"
#include "train/loop/trainer.h"

using namespace soragrad;

namespace {

struct Step {
  std::string loss, regularizer;  // nine digits, as metrics.jsonl has them
  double sparsity = 0;
  bool operator==(const Step&) const = default;
};

// ---- The trainer -------------------------------------------------------------------------------
struct OwnRun {
  sora::MethodConfig method;
  sora::TunerSettings settings;
  std::vector<double> thresholds;  // of phases after the first, each an epoch long
};

std::vector<Step> train_own(const std::string& data_root, const std::string& output, OwnRun run) {
  const models::LoadedModel loaded = models::load_model(data_root + "/model", {.num_labels = 2});
  models::SequenceClassifier& model = *loaded.model;
  const data::GlueFiles files = data::find_glue_files(data::find_task("cola"), data_root, {});
  const data::Dataset rows =
      data::load_split(data::find_task("cola"), data::Protocol::glue, files, data::Split::train)
          .at(0)
          .dataset;
  const auto tokenizer = data::load_tokenizer(data_root + "/model");
  std::vector<data::Encoded> encoded;
  for (const data::Example& row : rows.rows) encoded.push_back(tokenizer->encode(row.text_a));

  const auto steps = data::steps(encoded, rows.rows,
                                 {.size = 4,
                                  .accumulation = run.settings.gradient_accumulation_steps,
                                  .epochs = 2 + static_cast<int64_t>(run.thresholds.size()),
                                  .seed = run.settings.seed});
  const auto epoch_steps =
      static_cast<int64_t>(steps.size()) / (2 + static_cast<int64_t>(run.thresholds.size()));
  run.settings.total_steps = 2 * epoch_steps;
  sora::Tuner tuner(model, run.method, run.settings);

  std::vector<Step> log;
  size_t phase = 0;
  for (const std::vector<data::Batch>& step : steps) {
    if (tuner.phase_done()) tuner.begin_phase(epoch_steps, run.thresholds.at(phase++));
    const auto parts = static_cast<int64_t>(step.size());
    double mean = 0;
    for (const data::Batch& batch : step) {
      const Tensor labels = Tensor::from(batch.labels, {batch.sequences()});
      const Variable loss = cross_entropy(model.forward(batch, tuner.pass()), labels);
      mean += static_cast<double>(loss.value().item()) / static_cast<double>(parts);
      tuner.backward(loss, parts);
    }
    tuner.step();
    const double regularizer = tuner.regularizer().defined() ? tuner.regularizer().item() : 0;
    log.push_back({fmt::format("{:.9g}", mean), fmt::format("{:.9g}", regularizer),
                   tuner.method().sparsity().share()});
  }
  tuner.save(output);
  return log;
}
// ------------------------------------------------------------------------------------------------

std::vector<Step> train_by_program(const train::Config& config) {
  const auto session = train::open_session(config, [](const std::string&) {});
  train::RunFolder folder = train::RunFolder::create(config.output, config);
  train::Trainer trainer(*session, folder);
  REQUIRE(trainer.run());
  train::save_trained(config.output + "/last", *session);
  std::vector<Step> log;
  std::ifstream file(config.output + "/metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json json = nlohmann::json::parse(line);
    if (json.contains("split")) continue;
    log.push_back({fmt::format("{:.9g}", json["loss"].get<double>()),
                   fmt::format("{:.9g}", json["regularizer"].get<double>()),
                   json["sparsity"].get<double>()});
  }
  return log;
}

struct Case {
  std::string name;
  OwnRun run;
  std::vector<std::string> keys;
};

void compare(const Case& test_case) {
  CAPTURE(test_case.name);
  const test::TinyFolder tiny;
  std::vector<std::string> keys = test_case.keys;
  keys.push_back("load_best_model_at_end=false");
  keys.push_back("init_r=4");
  keys.push_back("target_r=1");
  OwnRun run = test_case.run;
  run.settings.learning_rate = 5e-3;
  run.method.init_r = 4;
  run.method.target_r = 1;
  const std::vector<Step> expected = train_by_program(tiny.config("program", keys));
  const std::vector<Step> got = train_own(tiny.path().string(), tiny.run("own"), run);
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(got[i].loss == expected[i].loss);
    CHECK(got[i].regularizer == expected[i].regularizer);
    CHECK(got[i].sparsity == doctest::Approx(expected[i].sparsity).epsilon(1e-8));
  }
  if (run.method.method == "full") return;  // the program writes a model folder
  const std::string weights = "/adapter_model.safetensors";
  CHECK(test::read_text(tiny.run("own") + weights) ==
        test::read_text(tiny.run("program") + "/last" + weights));
}

}  // namespace

TEST_CASE("own trainer: every method repeats soragrad train bit by bit") {
  for (const std::string& name : sora::method_names()) {
    compare(
        {name, {.method = {.method = name}, .settings = {}, .thresholds = {}}, {"method=" + name}});
  }
}

TEST_CASE("own trainer: accumulation, regularizer, dropout and own rates of the gates") {
  compare({"sora",
           {.method = {.lora_dropout = 0.1, .xi = 0.5, .sparse_lambda = 0.2, .sparse_lr = 0.05},
            .settings = {.lr_scheduler_type = "cosine", .gradient_accumulation_steps = 2},
            .thresholds = {}},
           {"lora_dropout=0.1", "xi=0.5", "sparse_lambda=0.2", "sparse_lr=0.05",
            "lr_scheduler_type=cosine", "gradient_accumulation_steps=2"}});
  compare({"adapters",
           {.method = {.method = "pfeiffer"},
            .settings = {.optim = "adamw_hf", .gradient_accumulation_steps = 3},
            .thresholds = {}},
           {"method=pfeiffer", "optim=adamw_hf", "gradient_accumulation_steps=3"}});
}

TEST_CASE("own trainer: a path of thresholds") {
  const std::vector<double> all = sora::gate_thresholds("linear", 0.1, 2, 3);
  compare(
      {"schedule",
       {.method = {.xi = 0.1, .sparse_lr = 0.05}, .settings = {}, .thresholds = {all[1], all[2]}},
       {"schedule=linear", "xi=0.1", "xi_max=2", "xi_steps=3", "phase_epochs=1",
        "sparse_lr=0.05"}});
}

// SPDX-License-Identifier: Apache-2.0
