// `soragrad doctor`: names the fault of each of a list of broken folders and keys, and finds none
// in whole ones.
#include "cli/doctor.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "core/cuda_runtime.h"
#include "core/error.h"
#include "tests/train/tiny_run.h"

using namespace soragrad;
using soragrad::test::contains;
using soragrad::test::read_text;
using soragrad::test::TinyFolder;
namespace fs = std::filesystem;

namespace {

struct Diagnosis {
  int code = 0;
  std::string text;    // all lines
  std::string faults;  // lines of faults
};

Diagnosis diagnose(std::vector<std::string> arguments) {
  Diagnosis result;
  cli::DoctorOptions options;
  options.arguments = std::move(arguments);
  result.code = cli::doctor_main(options, [&](std::string_view line) {
    CHECK(line.size() < 500);
    CHECK(line.find('\n') == line.size() - 1);
    result.text += line;
    if (line.starts_with("fault")) result.faults += line;
  });
  return result;
}

// The keys of a run in the folder, then more.
std::vector<std::string> keys(const TinyFolder& tiny, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"model=" + tiny.run("model"), "task=cola",
                                     "data=" + tiny.path().string(), "output=" + tiny.run("run"),
                                     "device=cpu"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// A fault: what breaks the folder, keys beside the usual ones, and words that its line must have.
struct Fault {
  const char* name;
  void (*damage)(const TinyFolder& tiny);
  std::vector<std::string> keys;
  const char* words;
};

void nothing(const TinyFolder&) {}

void cut(const fs::path& file, uintmax_t bytes) {
  fs::resize_file(file, fs::file_size(file) - bytes);
}

const std::vector<Fault>& fault_list() {
  static const std::vector<Fault> faults{
      {"no model folder",
       [](const TinyFolder& t) { fs::remove_all(t / "model"); },
       {},
       "no such folder"},
      {"no config.json",
       [](const TinyFolder& t) { fs::remove(t / "model/config.json"); },
       {},
       "config.json"},
      {"config.json is damaged",
       [](const TinyFolder& t) { cut(t / "model/config.json", 9); },
       {},
       "config.json"},
      {"another model_type",
       [](const TinyFolder& t) { t.write("model/config.json", R"({"model_type": "gpt2"})"); },
       {},
       "gpt2"},
      {"no weights",
       [](const TinyFolder& t) { fs::remove(t / "model/model.safetensors"); },
       {},
       "model.safetensors"},
      {"weights are cut off",
       [](const TinyFolder& t) { cut(t / "model/model.safetensors", 100); },
       {},
       "model.safetensors"},
      {"no tokenizer",
       [](const TinyFolder& t) { fs::remove(t / "model/vocab.txt"); },
       {},
       "vocab.txt"},
      {"a tokenizer of another model",
       [](const TinyFolder& t) {
         std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
         for (int i = 0; i < 20; ++i) vocab += fmt::format("w{}\n", i);
         t.write("model/vocab.txt", vocab + "the\n");
       },
       {},
       "do not belong together"},
      {"no data folder", nothing, {"data=/nowhere/glue"}, "no such folder"},
      {"no training file",
       [](const TinyFolder& t) { fs::remove(t / "CoLA/train.tsv"); },
       {},
       "train"},
      {"no validation file",
       [](const TinyFolder& t) { fs::remove(t / "CoLA/dev.tsv"); },
       {},
       "validation"},
      {"an unknown label",
       [](const TinyFolder& t) {
         t.write("CoLA/train.tsv", read_text(t / "CoLA/train.tsv") + "x\t7\t\tthe cat\n");
       },
       {},
       "train.tsv:45"},
      {"an empty training file",
       [](const TinyFolder& t) { t.write("CoLA/train.tsv", ""); },
       {},
       "train.tsv"},
      {"a run is in the output folder",
       [](const TinyFolder& t) { t.write("run/config.yaml", "# soragrad run: test\n"); },
       {},
       "overwrite=true"},
      {"output is a file", [](const TinyFolder& t) { t.write("run", "x"); }, {}, "no folder"},
      {"rows longer than the position table", nothing, {"max_seq_length=512"}, "128 positions"},
      {"keys that exclude each other", nothing, {"method=lora", "schedule=linear"}, "schedule"},
      {"a metric that the task lacks", nothing, {"metric_for_best_model=bleu"}, "bleu"},
  };
  return faults;
}

}  // namespace

TEST_CASE("doctor: a whole folder has no fault, and a step is timed") {
  const TinyFolder tiny;
  const Diagnosis found = diagnose(keys(tiny));
  CAPTURE(found.text);
  CHECK(found.code == 0);
  CHECK(found.faults == "");
  for (const char* check : {"program", "processor", "threads", "gpu", "keys", "model", "tokenizer",
                            "output", "data", "disk", "memory", "speed"}) {
    CAPTURE(check);
    CHECK(contains(found.text, std::string(" ") + check + ": "));
  }
  CHECK(contains(found.text, "train: 44 rows"));
  CHECK(contains(found.text, "s a step, 60 steps"));
  CHECK_FALSE(fs::exists(tiny.run("run")));  // nothing was written
}

TEST_CASE("doctor: each fault of a list is named") {
  CHECK(fault_list().size() >= 15);
  for (const Fault& fault : fault_list()) {
    CAPTURE(fault.name);
    const TinyFolder tiny;
    fault.damage(tiny);
    const Diagnosis found = diagnose(keys(tiny, fault.keys));
    CAPTURE(found.text);
    CHECK(found.code == 1);
    CHECK(contains(found.faults, fault.words));
  }
}

TEST_CASE("doctor: a GPU that is asked for and missing is a fault") {
  if (cuda::unavailable_reason().empty()) return;
  const TinyFolder tiny;
  const Diagnosis found = diagnose(keys(tiny, {"device=cuda"}));
  CHECK(found.code == 1);
  CHECK(contains(found.faults, "fault    gpu: device=cuda cannot be used"));
}

TEST_CASE("doctor: without keys the machine is checked, unknown keys are wrong usage") {
  const Diagnosis found = diagnose({});
  CHECK(found.code == 0);
  CHECK(contains(found.text, "memory: "));
  CHECK_FALSE(contains(found.text, "model: "));
  CHECK_THROWS_AS(diagnose({"learning_rat=1"}), UsageError);
  const TinyFolder tiny;
  CHECK(contains(diagnose({"model=" + tiny.run("model")}).text, "a run needs task=, data= too"));
}

// SPDX-License-Identifier: Apache-2.0
