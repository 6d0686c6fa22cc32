// Runs on another program's batches: what is wrong with the file is said before the first step, and
// a run that goes on needs the same file.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "sora/tensor_file.h"
#include "tests/files.h"
#include "tests/train/whole_pretraining.h"

using namespace soragrad;
using namespace soragrad::train;

namespace {

using soragrad::test::contains;
using soragrad::test::copy_at;
using soragrad::test::message_of;
using soragrad::test::pretrain_to_end;
using soragrad::test::quiet;
using soragrad::test::resume_pretraining;
using soragrad::test::TinyText;
using soragrad::test::weights_of;

using Numbers = std::vector<int64_t>;

Tensor numbers_of(const Numbers& numbers) {
  return Tensor::from(numbers, {static_cast<int64_t>(numbers.size())});
}

struct GivenStep {
  Numbers input_ids = {2, 9, 4, 11, 3, 2, 12, 3}, offsets = {0, 5, 8};
  Numbers labels = {-100, -100, 10, -100, -100, -100, 12, -100};
};

struct GivenBatches : TinyText {
  // Writes the steps, numbered from 1, but for those that are left out.
  void write_steps(const std::vector<GivenStep>& steps, int64_t left_out = 0) const {
    sora::NamedTensors tensors;
    for (size_t i = 0; i < steps.size(); ++i) {
      const auto number = static_cast<int64_t>(i) + 1;
      if (number == left_out) continue;
      const std::string name = std::to_string(number);
      tensors.emplace_back(name + ".input_ids", numbers_of(steps[i].input_ids));
      tensors.emplace_back(name + ".offsets", numbers_of(steps[i].offsets));
      tensors.emplace_back(name + ".labels", numbers_of(steps[i].labels));
    }
    sora::write_tensors(path(), tensors);
  }
  std::string path() const { return (*this / "batches.safetensors").string(); }
  Config config_of(const std::string& output,
                   const std::vector<std::string>& arguments = {}) const {
    Config config;
    config.verb = Verb::pretrain;
    for (const std::string& argument :
         {"model=" + (*this / "bert").string(), "output=" + (*this / output).string(),
          "batches=" + path(), std::string("max_steps=-1"), std::string("save_steps=5"),
          std::string("save_total_limit=0"), std::string("device=cpu")}) {
      set_argument(config, argument);
    }
    for (const std::string& argument : arguments) set_argument(config, argument);
    resolve_pretraining(config);
    return config;
  }
  // What is said of a file whose second step is this one.
  std::string message(const GivenStep& second) const {
    write_steps({GivenStep{}, second, GivenStep{}});
    return message_of([&] { open_pretrain_session(config_of("none"), quiet); });
  }
};

}  // namespace

TEST_CASE("replayed batches: a file's faults are said before the first step") {
  const GivenBatches tiny;
  const auto with = [](auto change) {
    GivenStep step;
    change(step);
    return step;
  };
  const std::string where = tiny.path() + ": step 2: ";
  CHECK(tiny.message({}).empty());
  CHECK(contains(tiny.message(with([](GivenStep& s) { s.input_ids[3] = 65; })),
                 where + "input_ids has 65 at 3; tokens are 0 to 64."));
  CHECK(contains(tiny.message(with([](GivenStep& s) { s.labels[2] = -7; })),
                 where + "labels has -7 at 2; tokens are 0 to 64."));
  CHECK(contains(tiny.message(with([](GivenStep& s) { s.labels.pop_back(); })),
                 where + "7 labels for 8 input_ids."));
  CHECK(contains(tiny.message(with([](GivenStep& s) { s.labels = Numbers(8, -100); })),
                 where + "all 8 labels are -100"));
  CHECK(contains(tiny.message(with([](GivenStep& s) {
    s.offsets = {0, 5, 7};
  })),
                 where + "offsets go from 0 to 7; there are 8 input_ids"));
  CHECK(contains(tiny.message(with([](GivenStep& s) {
    s.offsets = {0, 5, 5, 8};
  })),
                 where + "offsets 5 and 5 of row 1 do not rise."));
  CHECK(contains(tiny.message(with([](GivenStep& s) { s.offsets = {}; })),
                 where + "0 offsets; a row needs two."));
  const GivenStep longer{.input_ids = Numbers(33, 9), .offsets = {0, 33}, .labels = Numbers(33, 9)};
  CHECK(contains(tiny.message(longer), where + "row 0 has 33 tokens; the model's position table "
                                               "holds 32."));
}

TEST_CASE("replayed batches: a step that is missing ends no run early") {
  const GivenBatches tiny;
  const auto message = [&](int64_t left_out) {
    tiny.write_steps(std::vector<GivenStep>(4), left_out);
    return message_of([&] { open_pretrain_session(tiny.config_of("none"), quiet); });
  };
  CHECK(contains(message(3), "has 4.input_ids, but no 3.input_ids"));
  CHECK(contains(message(1), "but no 1.input_ids"));
  CHECK(message(4).empty());
  CHECK(contains(message_of([&] {
                   open_pretrain_session(
                       tiny.config_of("none", {"batches=" + (tiny / "bert").string()}), quiet);
                 }),
                 "is a folder"));
}

TEST_CASE(
    "replayed batches: a run goes on without initial_state, and with the same batches alone") {
  const GivenBatches tiny;
  tiny.write_steps(std::vector<GivenStep>(12));
  const std::string state = (tiny / "state.safetensors").string();
  const std::string name = "bert.embeddings.word_embeddings.weight";
  const Tensor table = Tensor::zeros({65, 16});
  sora::write_tensors(state, {{name, table}});
  pretrain_to_end(tiny.config_of("run", {"initial_state=" + state}));
  const std::string run = (tiny / "run").string(), copy = copy_at(run, 5);
  std::filesystem::remove(state);
  resume_pretraining(copy);
  CHECK(weights_of(copy) == weights_of(run));
  std::filesystem::remove_all(copy);
  copy_at(run, 5);
  std::vector<GivenStep> others(12);
  others[11].input_ids[1] = 10;
  tiny.write_steps(others);
  CHECK(contains(message_of([&] { resume_pretraining(copy); }),
                 "is not the file that the run began with"));
}

TEST_CASE("initial_state: a number that is not finite is named") {
  const GivenBatches tiny;
  tiny.write_steps({GivenStep{}});
  const Tensor table = Tensor::zeros({65, 16});
  table.data()[17] = NAN;
  const std::string state = (tiny / "state.safetensors").string();
  sora::write_tensors(state, {{"bert.embeddings.word_embeddings.weight", table}});
  CHECK(contains(message_of([&] {
                   open_pretrain_session(tiny.config_of("none", {"initial_state=" + state}), quiet);
                 }),
                 "bert.embeddings.word_embeddings.weight has nan as element 17 of 1040;"));
}

// SPDX-License-Identifier: Apache-2.0
