// Training with captured steps against the same training without: equal bits.
#include "train/loop/train_step.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <regex>

#include "autograd/ops.h"
#include "core/allocator.h"
#include "data/task.h"
#include "models/load.h"
#include "models/self_attention.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/role.h"
#include "sora/tuner.h"
#include "tests/cuda_emulation/cuda_emulation.h"
#include "tests/cuda_emulation/include/cudnn.h"
#include "tests/op_cases.h"
#include "tests/train/tiny_run.h"
#include "train/loop/trainer.h"

namespace soragrad::train {
namespace {

namespace fs = std::filesystem;

// The log without the one field that may differ.
std::string log_of(const std::string& run) {
  return std::regex_replace(test::read_text(run + "/metrics.jsonl"),
                            std::regex(", \"step_seconds\": [^}]*"), "");
}

struct Trained {
  std::string log;
  std::vector<real> values;
  cuda::Work work;
};

Trained train_in(const Config& config, bool resume) {
  const cuda::Work before = cuda::work();
  const Note quiet = [](const std::string&) {};
  RunFolder run =
      resume ? RunFolder::open(config.output, true) : RunFolder::create(config.output, config);
  const auto session =
      open_session(config, quiet, resume ? find_checkpoint(run, quiet) : std::nullopt);
  Trainer trainer(*session, run);
  REQUIRE(trainer.run());
  const cuda::Work after = cuda::work();
  return {log_of(config.output),
          session->tuner->optimizer().values().to_vector(),
          {after.operations - before.operations, after.graphs - before.graphs,
           after.graph_operations - before.graph_operations}};
}

struct Runs {
  test::TinyFolder folder;

  Config config(const std::string& name, std::vector<std::string> arguments, bool graphs) const {
    arguments.push_back("device=cuda");
    arguments.push_back("target_modules=query,output.dense");
    arguments.push_back(graphs ? "cuda_graphs=true" : "cuda_graphs=false");
    return folder.config(name, arguments);
  }
};

// A model with a method, and batches that have no text.
std::unique_ptr<Session> session_of(std::unique_ptr<models::SequenceClassifier> model,
                                    const std::string& method, bool graphs) {
  auto session = std::make_unique<Session>();
  session->device = Device::cuda;
  session->config.cuda_graphs = graphs;
  session->model = std::move(model);
  const bool regression = session->model->config().num_labels == 1;
  session->train.dataset.task = &data::find_task(regression ? "stsb" : "cola");
  const sora::MethodConfig config{.method = method,
                                  .r = 3,
                                  .lora_dropout = method == "lora" ? 0.3 : 0,
                                  .xi = 0.01,
                                  .sparse_lambda = 0.1,
                                  .sparse_lr = 2e-2};
  const sora::TunerSettings settings{.learning_rate = 1e-2,
                                     .lr_scheduler_type = "constant",
                                     .gradient_accumulation_steps = 2,
                                     .seed = 5,
                                     .total_steps = 100};
  session->tuner = std::make_unique<sora::Tuner>(*session->model, config, settings);
  return session;
}

std::string golden(const std::string& model) {
  return SORAGRAD_SOURCE_DIR "/tests/golden/models/" + model;
}

std::unique_ptr<Session> golden_session(const std::string& model, const std::string& method,
                                        bool graphs) {
  const models::LoadOptions options{
      .device = Device::cuda, .hidden_dropout_prob = 0.2, .attention_probs_dropout_prob = 0.2};
  return session_of(models::load_model(golden(model), options).model, method, graphs);
}

void set_bf16(models::SequenceClassifier& model) {
  model.for_each_module([](nn::Module& module) {
    auto* linear = dynamic_cast<nn::Linear*>(&module);
    if (linear && !nn::is_head(*linear)) linear->set_precision(Precision::bf16);
    auto* attention = dynamic_cast<models::SelfAttention*>(&module);
    if (attention) attention->set_precision(Precision::bf16);
  });
}

// DeBERTaV3 of any depth with SoRA on all Linears, of sizes that every kernel for bf16 takes.
std::unique_ptr<Session> deep_session(int64_t layers, Precision precision, bool graphs,
                                      const std::string& method = "sora") {
  models::ModelConfig config = models::read_config(golden("deberta_buckets"));
  config.layers = layers;
  config.hidden_size = 16;
  config.heads = 2;
  config.intermediate_size = 24;
  auto model = std::make_unique<models::SequenceClassifier>(config);
  for (nn::Parameter* parameter : model->parameters()) {
    parameter->assign(
        nn::normal(parameter->declared_shape(), 0.02, 3, parameter->path()).to(Device::cuda));
  }
  if (precision == Precision::bf16) set_bf16(*model);
  return session_of(std::move(model), method, graphs);
}

// The same in bf16 with a feed-forward network that cuDNN's kernels fit.
std::unique_ptr<Session> bf16_session(const std::string& method, bool graphs) {
  models::ModelConfig config = models::read_config(golden("roberta"));
  config.intermediate_size = 24;
  auto model = std::make_unique<models::SequenceClassifier>(config);
  for (nn::Parameter* parameter : model->parameters()) {
    parameter->assign(
        nn::normal(parameter->declared_shape(), 0.2, 3, parameter->path()).to(Device::cuda));
  }
  set_bf16(*model);
  return session_of(std::move(model), method, graphs);
}

// Sequences of up to 40 tokens, as far as the model goes; some batches repeat the sizes of others.
data::Batch batch_of(const models::SequenceClassifier& model, int64_t number) {
  constexpr int64_t kLongest = 40;
  const int64_t limit = model.max_positions();
  const int64_t longest = limit > 0 ? std::min(limit, kLongest) : kLongest;
  const int64_t rows = number % 5 == 4 ? 2 : 3;
  data::Batch batch;
  batch.offsets.push_back(0);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t length = 1 + (number * 37 + row * 23 + number % 3 * 31) % longest;
    for (int64_t i = 0; i < length; ++i) {
      batch.input_ids.push_back(1 + (number * 7 + row * 5 + i * i) % 15);
      batch.token_type_ids.push_back(0);
    }
    batch.offsets.push_back(batch.tokens());
    batch.labels.push_back((number + row) % 2);
    batch.scores.push_back(static_cast<float>(row));
    batch.rows.push_back(row);
  }
  return batch;
}

// All losses and the last values.
std::vector<real> train_golden(Session& session, int64_t steps) {
  TrainStep step(session);
  std::vector<real> numbers;
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t batches = i % 3 == 2 ? 2 : 1;  // the last step of an epoch may have fewer
    for (int64_t n = 0; n < batches; ++n) {
      // The batches of the first half come again in the second.
      const data::Batch batch = batch_of(*session.model, i % (steps / 2) * 2 + n);
      const Tensor loss = step.run_batch(batch, batches);
      numbers.push_back(loss.item());
    }
    const Tensor regularizer = step.update();
    if (regularizer.defined()) numbers.push_back(regularizer.item());
  }
  const std::vector<real> values = session.tuner->optimizer().values().to_vector();
  numbers.insert(numbers.end(), values.begin(), values.end());
  return numbers;
}

// What the host launches in the last of four equal steps: the first is eager, the second the
// rehearsal, the third the capture, the fourth a replay.
cuda::Work work_of_step(Session& session) {
  TrainStep step(session);
  const data::Batch batch{.input_ids = {1, 2, 3},
                          .token_type_ids = {0, 0, 0},
                          .offsets = {0, 3},
                          .labels = {1},
                          .scores = {1},
                          .rows = {0}};
  cuda::Work before, after;
  for (uint32_t i = 0; i < 4; ++i) {
    before = cuda::work();
    step.run_batch(batch, 1);
    step.update();
    after = cuda::work();
  }
  return {after.operations - before.operations, after.graphs - before.graphs,
          after.graph_operations - before.graph_operations};
}

}  // namespace

TEST_CASE("graph_sizes: a few classes, none far above the batch") {
  for (int64_t size = 1; size < 5000; ++size) {
    const models::InputSizes sizes = graph_sizes(size, size);
    CHECK(sizes.tokens >= size);
    CHECK(sizes.tokens < size + std::max<int64_t>(32, size / 8 + 1));
    CHECK(sizes.tokens % 32 == 0);
    CHECK(sizes.max_length >= size);
    CHECK(sizes.max_length < size + std::max<int64_t>(32, size / 4 + 1));
  }
  CHECK(graph_sizes(91, 18).tokens == 96);
  CHECK(graph_sizes(91, 18).max_length == 32);
}

TEST_CASE("train_step: captured passes of every model give the bits of those that are not") {
  constexpr int64_t kSteps = 6;
  const std::pair<std::string, std::string> cases[] = {{"bert", "houlsby"},
                                                       {"roberta", "full"},
                                                       {"deberta_buckets", "full"},
                                                       {"deberta_no_buckets", "lora"}};
  for (const auto& [model, method] : cases) {
    CAPTURE(model);
    CAPTURE(method);
    const auto eager = golden_session(model, method, false);
    const std::vector<real> expected = train_golden(*eager, kSteps);
    const int64_t before = cuda::work().graphs;
    const auto captured = golden_session(model, method, true);
    CHECK(train_golden(*captured, kSteps) == expected);
    CHECK(cuda::work().graphs - before > kSteps);
  }
}

TEST_CASE("train_step: passes or updates whose capture fails run eagerly, with the same bits") {
  constexpr int64_t kSteps = 6;
  const auto eager = golden_session("bert", "houlsby", false);
  const std::vector<real> expected = train_golden(*eager, kSteps);
  const auto captured_graphs = [&](int64_t broken_after) {
    cuda_emulation::break_capture_after(broken_after);
    const int64_t before = cuda::work().graphs;
    const auto session = golden_session("bert", "houlsby", true);
    CHECK(train_golden(*session, kSteps) == expected);
    return cuda::work().graphs - before;
  };
  const int64_t all = captured_graphs(-1);
  const int64_t without_one = captured_graphs(30);  // within the first capture
  CHECK(without_one < all);
  CHECK(without_one > 0);  // the others are captured
}

TEST_CASE("train_step: captured products of cuDNN give the bits of those that are not") {
  for (const std::string method : {"sora", "bitfit"}) {  // with and without deltas on the products
    CAPTURE(method);
    const int64_t before = cuda_emulation::cudnn_work().products;
    const std::vector<real> expected = train_golden(*bf16_session(method, false), 6);
    CHECK(cuda_emulation::cudnn_work().products > before);
    CHECK(train_golden(*bf16_session(method, true), 6) == expected);
  }
}

TEST_CASE("train_step: deltas within products give the same bits captured and eager") {
  for (const std::string method : {"sora", "lora", "adalora"}) {  // lora: with dropout, beside them
    CAPTURE(method);
    const std::vector<real> expected =
        train_golden(*deep_session(2, Precision::bf16, false, method), 6);
    CHECK(train_golden(*deep_session(2, Precision::bf16, true, method), 6) == expected);
  }
}

TEST_CASE("train_step: what the host launches is what docs/cuda.md counts") {
  const auto work = [](int64_t layers, Precision precision, bool graphs) {
    return work_of_step(*deep_session(layers, precision, graphs));
  };
  struct Counted {
    Precision precision;
    int64_t of_layer, beside;
  };
  for (const auto& [precision, of_layer, beside] :
       {Counted{Precision::fp32, 49, 28}, Counted{Precision::bf16, 17, 40}}) {
    CAPTURE(of_layer);
    const int64_t two = work(2, precision, false).operations;
    const int64_t three = work(3, precision, false).operations;
    CHECK(three - two == of_layer);
    CHECK(two - 2 * of_layer == beside);
    const cuda::Work captured = work(2, precision, true);
    CHECK(captured.graphs == 2);
    CHECK(captured.operations <= 5);
  }
  // Sums over rows: a launch for 24 deltas, of which a layer has six and the positions 24.
  CHECK(work(12, Precision::bf16, false).operations == 12 * 17 + 38 + 4);
  CHECK(work(12, Precision::bf16, true).graph_operations == 240);
  const auto adapter = [](int64_t rows) {
    const test::OpCase delta{
        .inputs = {{test::normal({rows, 2}, 1)},
                   {test::normal({rows, 3}, 2)},
                   {test::normal({4, 3}, 3)},
                   {test::normal({2, 4}, 4)}},
        .call = [](auto in) { return low_rank_delta(in[0], in[1], in[2], in[3], Variable(), 1); }};
    const int64_t before = cuda::work().operations;
    test::run_case(delta, delta.call, Device::cuda);
    return cuda::work().operations - before;
  };
  CHECK(adapter(129) == adapter(128));  // two chunks of rows
}

TEST_CASE("trainer: captured steps give the bits of those that are not, with every method") {
  const Runs runs;
  for (const std::string method : {"sora", "adalora", "full"}) {
    CAPTURE(method);
    // Evaluations stand between the steps, and keep the best values.
    const std::vector<std::string> arguments = {"method=" + method,  "max_steps=5", "eval_steps=3",
                                                "sparse_lambda=0.1", "xi=0.05",     "init_r=4",
                                                "target_r=2"};
    const Trained eager = train_in(runs.config(method + "-eager", arguments, false), false);
    const Trained captured = train_in(runs.config(method + "-graphs", arguments, true), false);
    CHECK(captured.log == eager.log);
    CHECK(captured.values == eager.values);
    CHECK(eager.work.graphs == 0);
    CHECK(captured.work.graphs >= 3);
    CHECK(captured.work.operations < eager.work.operations);
  }
}

TEST_CASE("trainer: a run with captured steps continues with the same bits") {
  const Runs runs;
  const std::vector<std::string> arguments = {"max_steps=6", "save_steps=3", "save_total_limit=0",
                                              "eval_steps=100"};
  const Config config = runs.config("whole", arguments, true);
  const Trained whole = train_in(config, false);
  RunFolder folder = RunFolder::open(config.output, false);
  REQUIRE(folder.checkpoints() == std::vector<int64_t>{3, 6});
  fs::remove_all(folder.checkpoint(6));
  const Trained again = train_in(config, true);
  CHECK(again.log == whole.log);
  CHECK(again.values == whole.values);
  CHECK(again.work.graphs > 0);
}

TEST_CASE("trainer: a run that continues on another GPU says so") {
  const Runs runs;
  const Config config =
      runs.config("moved", {"max_steps=2", "save_steps=2", "eval_steps=100"}, true);
  train_in(config, false);
  const RunFolder folder = RunFolder::open(config.output, false);
  const std::string numbers = folder.checkpoint(2) + "/state.json";
  const auto warning = [&] {
    std::string lines;
    const Note note = [&](const std::string& line) { lines += line; };
    open_session(config, note, find_checkpoint(folder, note));
    return lines;
  };
  CHECK_FALSE(test::contains(warning(), "the checkpoint was made on"));
  const std::string text = test::read_text(numbers);
  std::ofstream(numbers) << std::regex_replace(text, std::regex("emulated GPU"), "other GPU");
  CHECK(test::contains(warning(),
                       "the checkpoint was made on other GPU, 1 multiprocessors, driver 13.0, "
                       "cuBLASLt 130000; this is emulated GPU, 1 multiprocessors, driver 13.0, "
                       "cuBLASLt 130000."));
}

TEST_CASE("trainer: captured steps neither wait nor ask for memory, and leave none behind") {
  const Runs runs;
  const auto cost = [&](const std::string& method, int steps) {
    const int64_t waits = cuda_emulation::host_waits();
    train_in(runs.config(fmt::format("cost-{}-{}", method, steps),
                         {"method=" + method, fmt::format("max_steps={}", steps),
                          "logging_steps=100", "eval_steps=1000", "per_device_train_batch_size=2"},
                         true),
             false);
    return cuda_emulation::host_waits() - waits;
  };
  CHECK(cost("sora", 5) == cost("sora", 7));
  CHECK(cost("adalora", 4) == cost("adalora", 5));
  CHECK(allocator_stats(Device::cuda).live_bytes == 0);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
