// Pre-training on the emulated GPU: a pass against the CPU's losses, hits, samples and gradients,
// and whole runs against those of another program.
#include <doctest/doctest.h>

#include "autograd/graph.h"
#include "core/cuda_runtime.h"
#include "models/load_pretraining.h"
#include "tests/files.h"
#include "tests/op_cases.h"
#include "tests/train/pretraining_runs.h"
#include "tests/train/whole_pretraining.h"
#include "train/run/checkpoint_gpu.h"

namespace soragrad::models {
namespace {

constexpr double kTolerance = 2e-5;  // sums of some hundred terms in another order, two layers deep

struct Pass {
  std::vector<double> numbers;  // losses and counts
  std::vector<std::vector<real>> gradients;
};

double number(const Tensor& scalar) {
  return scalar.defined() ? static_cast<double>(scalar.item()) : 0.0;
}

Pass run(const std::filesystem::path& folder, const PretrainingOptions& model_options,
         Device device) {
  PretrainingLoadOptions options;
  options.model = model_options;
  options.device = device;
  const auto model = load_pretraining(folder, options).model;
  const std::vector<int64_t> ids{1, 7, 5, 9, 2, 1, 8, 3, 11, 12, 2}, offsets{0, 5, 11};
  const RaggedBatch batch(ids, {}, offsets);
  PretrainingInput input;
  input.input = upload(batch, model->backbone().positions(batch), device);
  input.positions = Tensor::from<int64_t>({2, 6, 8}, {3}, device);
  input.labels = Tensor::from<int64_t>({6, 4, 11}, {3}, device);
  const PretrainingOutput output = model->forward(input, {true, 3, 5});
  Pass pass;
  for (const Tensor& scalar : {output.loss.value(), output.mlm_loss, output.rtd_loss,
                               output.mlm_hits, output.rtd_hits, output.replaced}) {
    pass.numbers.push_back(number(scalar));
  }
  backward(output.loss);
  for (const nn::Parameter* parameter : model->parameters()) {
    const Tensor& gradient = parameter->grad();
    pass.gradients.push_back(gradient.defined() ? gradient.to_vector() : std::vector<real>());
  }
  return pass;
}

}  // namespace

TEST_CASE("pretraining: a pass on emulated CUDA agrees with the CPU") {
  const test::TemporaryFolder folder;
  folder.write("config.json", R"({"model_type": "deberta-v2", "vocab_size": 70,
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32, "type_vocab_size": 0, "relative_attention": true,
    "share_att_key": true, "position_buckets": 4, "max_relative_positions": -1,
    "pos_att_type": ["c2p", "p2c"], "position_biased_input": false,
    "norm_rel_ebd": "layer_norm", "initializer_range": 0.2})");
  for (const PretrainingOptions& options :
       {PretrainingOptions{.objective = Objective::mlm},
        PretrainingOptions{.objective = Objective::rtd, .sharing = EmbeddingSharing::es},
        PretrainingOptions{.objective = Objective::rtd, .sharing = EmbeddingSharing::gdes}}) {
    const Pass cpu = run(folder.path(), options, Device::cpu);
    const Pass gpu = run(folder.path(), options, Device::cuda);
    for (size_t i = 0; i < cpu.numbers.size(); ++i) {
      CAPTURE(i);
      CHECK(gpu.numbers[i] == doctest::Approx(cpu.numbers[i]).epsilon(kTolerance));
    }
    REQUIRE(gpu.gradients.size() == cpu.gradients.size());
    for (size_t i = 0; i < cpu.gradients.size(); ++i) {
      CAPTURE(i);
      CHECK(test::difference(gpu.gradients[i], cpu.gradients[i]) <= kTolerance);
    }
  }
}

TEST_CASE("pretraining: a checkpoint names its GPU, and going on on another one warns") {
  nlohmann::json numbers = nlohmann::json::object();
  train::write_gpu(Device::cpu, numbers);
  CHECK(train::read_gpu(numbers).empty());
  train::write_gpu(Device::cuda, numbers);
  const std::string gpu = train::read_gpu(numbers);
  CHECK_FALSE(gpu.empty());
  std::vector<std::string> notes;
  const auto note = [&](const std::string& line) { notes.push_back(line); };
  train::compare_gpus(gpu, Device::cuda, note);
  train::compare_gpus("", Device::cuda, note);
  train::compare_gpus("another GPU", Device::cpu, note);
  CHECK(notes.empty());
  train::compare_gpus("another GPU", Device::cuda, note);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("made on another GPU; this is " + gpu) != std::string::npos);
}

TEST_CASE("pretraining: runs on emulated CUDA repeat those by PyTorch in float64") {
  const std::filesystem::path goldens =
      std::filesystem::path(SORAGRAD_SOURCE_DIR) / "tests/golden/pretraining";
  const test::TemporaryFolder scratch;
  for (const char* name : {"mlm_bert", "rtd_es", "rtd_nes", "rtd_gdes"}) {
    CAPTURE(name);
    const nlohmann::json about = read_json_object(goldens / name / "case.json");
    test::compare_steps(test::repeat_golden(goldens / name, scratch.path(), "cuda"),
                        about["steps"].get<std::vector<nlohmann::json>>());
  }
}

TEST_CASE("pretrainer: captured steps give the bits of those that are not") {
  const test::TinyText tiny;
  struct Run {
    std::string log, weights;
    cuda::Work work;
  };
  const auto run = [&](const std::string& name, std::vector<std::string> arguments,
                       const std::string& family, bool graphs) {
    arguments.insert(
        arguments.end(),
        {"device=cuda", "max_steps=6", "save_steps=3", "eval_steps=4", "hidden_dropout_prob=0.2",
         "attention_probs_dropout_prob=0.2", graphs ? "cuda_graphs=true" : "cuda_graphs=false"});
    const cuda::Work before = cuda::work();
    test::pretrain_to_end(tiny.config(name, arguments, family));
    const cuda::Work after = cuda::work();
    const std::string output = (tiny / name).string();
    return Run{test::log_of(output),
               test::weights_of(output),
               {after.operations - before.operations, after.graphs - before.graphs}};
  };
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"bert", {"precision=bf16", "gradient_accumulation_steps=1"}},
      {"deberta", {"sharing=es", "gradient_checkpointing=true"}},
      {"deberta", {"sharing=nes"}},
      {"deberta", {"sharing=gdes", "precision=bf16"}}};
  for (const auto& [family, arguments] : cases) {
    CAPTURE(family);
    CAPTURE(arguments[0]);
    const std::string name = family + arguments[0];
    const Run eager = run(name + "-eager", arguments, family, false);
    const Run captured = run(name + "-graphs", arguments, family, true);
    CHECK(captured.log == eager.log);
    CHECK(captured.weights == eager.weights);
    CHECK(eager.work.graphs == 0);
    CHECK(captured.work.graphs >= 8);  // passes and updates of four of the six steps
    CHECK(captured.work.operations < eager.work.operations * 2 / 3);

    const std::string copy = test::copy_at((tiny / (name + "-graphs")).string(), 3);
    test::resume_pretraining(copy);
    CHECK(test::log_of(copy) == eager.log);
    CHECK(test::weights_of(copy) == eager.weights);
  }
  // Checkpointing is seen by the layers that run twice.
  const Run kept = run("kept", {"sharing=es"}, "deberta", false);
  const Run again = run("again", {"sharing=es", "gradient_checkpointing=true"}, "deberta", false);
  CHECK(again.weights == kept.weights);
  CHECK(again.work.operations > kept.work.operations);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
