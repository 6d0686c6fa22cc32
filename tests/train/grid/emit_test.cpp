// Job scripts of other engines.
#include "train/grid/emit.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/files.h"
#include "train/run/shell_word.h"

using namespace soragrad;
using namespace soragrad::test;
using namespace soragrad::train;

namespace fs = std::filesystem;

namespace {

EmitRequest request_of(const std::string& engine) {
  return {.engine = engine,
          .program = "/opt/so ra/soragrad",
          .folder = "/home/me",
          .recipe = "/home/me/it's.yaml",
          .arguments = {"max_steps=3"},
          .output = "/home/me/out",
          .runs = {"cola-sora-r4-1", "rte-lora-2-fold0"},
          .at_once = 4,
          .threads = 2};
}

EmitRequest nothing_of(const std::string& engine) {
  EmitRequest request = request_of(engine);
  request.runs.clear();
  return request;
}

}  // namespace

TEST_CASE("emit: words of a shell are quoted where they must be") {
  CHECK(shell_word("a/b-c.d=1,2") == "a/b-c.d=1,2");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("$(x)") == "'$(x)'");
}

TEST_CASE("emit: tasks are one command a run, in the order given") {
  CHECK(emit_text(request_of("tasks")) ==
        "cd /home/me && '/opt/so ra/soragrad' table '/home/me/it'\\''s.yaml' max_steps=3 "
        "output=/home/me/out --worker --runs cola-sora-r4-1\n"
        "cd /home/me && '/opt/so ra/soragrad' table '/home/me/it'\\''s.yaml' max_steps=3 "
        "output=/home/me/out --worker --runs rte-lora-2-fold0\n");
  CHECK(emit_text(nothing_of("tasks")).empty());
}

TEST_CASE("emit: a Slurm script has array, throttle, logs, the signal and the requeue") {
  const std::string text = emit_text(request_of("slurm"));
  for (const char* part :
       {"#SBATCH --array=0-1%4\n", "#SBATCH --signal=B:USR1@120\n", "#SBATCH --requeue\n",
        "#SBATCH --cpus-per-task=2\n", "#SBATCH --output=\"/home/me/out/logs/slurm-%A_%a.log\"\n",
        "runs=(\ncola-sora-r4-1\nrte-lora-2-fold0\n)\n",
        "[ \"$code\" -ne 75 ] || scontrol requeue"}) {
    CAPTURE(part);
    CHECK(contains(text, part));
  }
}

TEST_CASE("emit: every script is one that bash can read") {
  for (const char* engine : {"slurm", "parallel", "hq"}) {
    const TemporaryFolder root;
    CAPTURE(engine);
    const std::string file = root.write("script", emit_text(request_of(engine)));
    CHECK(std::system(fmt::format("bash -n '{}'", file).c_str()) == 0);
    const std::string none = root.write("none", emit_text(nothing_of(engine)));
    CHECK(std::system(fmt::format("bash '{}'", none).c_str()) == 0);
  }
  CHECK(contains(message_of([] { emit_text(request_of("pbs")); }), "--emit is \"pbs\""));
}

TEST_CASE("emit: a HyperQueue task saves before the time is over, and goes on") {
  const TemporaryFolder root;
  // A run that saves when it is asked to, and then has one more start before it.
  const std::string program = root.write("program",
                                         "#!/bin/bash\n"
                                         "echo start >>starts\n"
                                         "[ $(wc -l <starts) -eq 1 ] || exit 0\n"
                                         "trap 'exit 75' USR1\n"
                                         "for ((i = 0; i < 600; ++i)); do sleep 0.1; done\n"
                                         "exit 1\n");
  fs::permissions(program, fs::perms::owner_all);
  EmitRequest request = request_of("hq");
  request.program = program;
  request.folder = request.output = root.path();
  const std::string file = root.write("script", emit_text(request));
  const std::string task = fmt::format("HQ_ENTRY=one seconds=122 bash '{}'", file);
  CHECK(std::system(task.c_str()) == 0);
  CHECK(read_text(root / "starts") == "start\nstart\n");
}

// SPDX-License-Identifier: Apache-2.0
