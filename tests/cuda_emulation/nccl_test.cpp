// Processes of an emulated GPU each, under mpirun: gradients from GPU to GPU give the bits of one
// process. Without mpirun nothing is tested here.
#include "train/loop/nccl.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/communicator.h"
#include "core/cuda_runtime.h"
#include "tests/train/tiny_run.h"
#include "train/loop/agreement.h"
#include "train/loop/mpi.h"
#include "train/loop/trainer.h"

namespace soragrad::train {
namespace {

struct Trained {
  std::string log;
  std::vector<real> values;
};

std::string without_times(std::string log) {
  for (size_t at = 0; (at = log.find(", \"step_seconds\"", at)) != std::string::npos;) {
    log.erase(at, log.find('}', at) - at);
  }
  return log;
}

// Of all processes; the log is that of the first.
Trained train(const test::TinyFolder& folder, const std::string& name,
              std::vector<std::string> arguments) {
  for (const char* argument : {"device=cuda", "per_device_train_batch_size=2", "eval_steps=100",
                               "hidden_dropout_prob=0.1", "sparse_lambda=0.1", "xi=0.05"}) {
    arguments.emplace_back(argument);
  }
  const Config config = folder.config(name, arguments);
  const auto session = open_session(config, [](const std::string&) {});
  RunFolder run = world().is_first() ? RunFolder::create(config.output, config)
                                     : RunFolder::observe(config.output);
  Trainer trainer(*session, run);
  REQUIRE(trainer.run());
  const Tensor& values = session->tuner->optimizer().values();
  require_same_values(values, trainer.state().step);
  if (!world().is_first()) return {};
  return {without_times(test::read_text(run.file("metrics.jsonl"))), values.to_vector()};
}

// The run of a process that is alone.
Trained train_alone(const test::TinyFolder& folder, const std::string& name,
                    const std::vector<std::string>& arguments) {
  std::unique_ptr<Communicator> together = set_world(std::make_unique<Communicator>());
  Trained trained = train(folder, name, arguments);
  set_world(std::move(together));
  return trained;
}

}  // namespace

// Four steps: eager, in the graphs' memory, captured, replayed. The last round of a step has fewer
// units than there are processes.
TEST_CASE("nccl: several processes have the bits of one, captured steps or not") {
  start_mpi();
  if (world().size() == 1) return;
  connect_gpus(Device::cpu);
  CHECK(world().device() == Device::cpu);
  connect_gpus(Device::cuda);
  REQUIRE(world().device() == Device::cuda);
  const test::TinyFolder folder;
  const std::vector<std::vector<std::string>> runs = {
      {"method=sora", "gradient_accumulation_steps=4", "max_steps=4"},
      {"method=full", "gradient_accumulation_steps=5", "max_steps=2", "cuda_graphs=false"}};
  for (const auto& run : runs) {
    CAPTURE(run[0]);
    const Trained trained = train(folder, run[0] + "-together", run);
    if (!world().is_first()) continue;
    const Trained alone = train_alone(folder, run[0] + "-alone", run);
    CHECK(trained.values == alone.values);
    CHECK(trained.log == alone.log);
  }
  finish_mpi();
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
