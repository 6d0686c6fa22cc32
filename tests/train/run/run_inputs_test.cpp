// What may not be emptied or taken for something else: folders that a command line names.
#include "train/run/run_inputs.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "core/error.h"
#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::train;
using test::TemporaryFolder;
namespace fs = std::filesystem;

TEST_CASE("run_inputs: what a run reads may not lie where it would be emptied") {
  const TemporaryFolder root;
  root.write("run/final/config.json", "{}");
  root.write("run/data/train.tsv", "x");
  fs::create_directory_symlink(root / "run", root / "link");
  Config config;
  config.output = root / "run";
  const auto message = [&] { return test::message_of([&] { refuse_to_empty_inputs(config); }); };
  for (const char* inside : {"run/final", "run/best", "link/final"}) {
    config.model = root / inside;
    CHECK(test::contains(message(), "would be emptied; choose another output"));
  }
  config.model = root / "model";
  config.data = root / "run/data";
  CHECK(message() == "");
  config.task = "custom";
  config.train_file = (root / "a.csv").string() + "," + (root / "run/best/b.csv").string();
  CHECK(test::contains(message(), "b.csv lies in the run folder"));
}

TEST_CASE("run_inputs: a run of the other verb is named, with what continues it") {
  const TemporaryFolder root;
  Config config;
  config.verb = Verb::pretrain;
  config.pretrain.objective = "mlm";
  const RunFolder run = RunFolder::create(root / "run", config);
  CHECK(verb_of(run) == Verb::pretrain);
  CHECK(config_of(run, Verb::pretrain).pretrain.objective == "mlm");
  CHECK(
      test::contains(test::message_of([&] { config_of(run, Verb::train); }), "pretrain --resume"));
  const RunFolder other = RunFolder::create(root / "other", Config());
  CHECK(test::contains(test::message_of([&] { config_of(other, Verb::pretrain); }),
                       "soragrad train --resume"));
}

TEST_CASE("run_inputs: a run or an adapter in place of a model is named as such") {
  const TemporaryFolder root;
  RunFolder::create(root / "run", Config());
  root.write("adapter/adapter_config.json", "{}");
  root.write("model/config.json", "{}");
  const auto message = [&](const char* name) {
    return test::message_of([&] { require_model_folder(root / name); });
  };
  CHECK(test::contains(message("run"), "is a run, not a model folder"));
  CHECK(test::contains(message("adapter"), "is an adapter, not a model folder"));
  CHECK(message("model") == "");
}

// SPDX-License-Identifier: Apache-2.0
