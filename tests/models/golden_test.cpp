// Tiny models against Hugging Face in float64 (tests/golden/make_model_goldens.py): logits, loss
// and every gradient, with the last layer computed in full and for the first tokens alone. The
// program test_gradcheck runs the same in double. In bf16 the results stay near.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "models/family.h"
#include "models/load.h"
#include "nn/checkpoint/state_dict.h"
#include "tests/gpu.h"

namespace soragrad::models {
namespace {

namespace fs = std::filesystem;

// Relative to the largest element. Float: sums of some hundred terms. Double: the goldens'
// rounding.
constexpr double kTolerance = sizeof(real) == 8 ? 1e-10 : 2e-5;
// bf16 keeps 8 bits: an operand is off by up to 2^-9, and some ten products follow one another.
constexpr double kBf16Tolerance = 2e-2;
// A gradient that is 0 but for rounding (RoBERTa's key biases) must be below this instead.
constexpr double kZero = sizeof(real) == 8 ? 1e-13 : 1e-6;

const fs::path kFolder = fs::path(SORAGRAD_SOURCE_DIR) / "tests/golden/models";

std::vector<int64_t> integers(const nn::Checkpoint& file, const std::string& name) {
  std::vector<int64_t> values(static_cast<size_t>(file.at(name).numel()));
  file.copy_to(name, std::span<int64_t>(values));
  return values;
}

void check_close(const nn::Checkpoint& file, const std::string& name, const Tensor& ours) {
  CAPTURE(name);
  const nn::StoredTensor& stored = file.at(name);
  REQUIRE(ours.defined());
  REQUIRE(std::ranges::equal(stored.sizes, ours.shape().sizes()));
  std::vector<double> expected(static_cast<size_t>(stored.numel()));
  nn::copy_to(stored, std::span<double>(expected));
  const std::vector<real> values = ours.to_vector();
  double largest = 0, difference = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double distance = std::abs(expected[i] - static_cast<double>(values[i]));
    difference = std::isnan(distance) ? HUGE_VAL : std::max(difference, distance);
  }
  CHECK(difference <= std::max(kTolerance * largest, largest < 1e-9 ? kZero : 0.0));
}

// A golden model after a forward and a backward pass over the golden's batch.
struct GoldenRun {
  nn::Checkpoint expected;
  LoadedModel loaded;
  Variable logits, loss;
  int outputs = 0;  // that were observed

  GoldenRun(const std::string& name, bool observed, Device device,
            Precision precision = Precision::fp32)
      : expected(nn::open_checkpoint(kFolder / name / "expected.safetensors")),
        loaded(load_model(kFolder / name, {.device = device, .precision = precision})) {
    REQUIRE(loaded.drawn.empty());
    SequenceClassifier& model = *loaded.model;
    const bool typed = model.config().family->model_type == "bert";
    const std::vector<int64_t> ids = integers(expected, "input_ids");
    const std::vector<int64_t> types =
        typed ? integers(expected, "token_type_ids") : std::vector<int64_t>();
    const std::vector<int64_t> offsets = integers(expected, "offsets");
    const RaggedBatch batch(ids, types, offsets);
    model.for_each_parameter([](nn::Parameter& parameter) { parameter.set_requires_grad(true); });
    nn::Pass pass;
    if (observed) pass.observe = [&](const std::string&, const Variable&) { ++outputs; };
    logits = model.forward(batch, pass);
    loss = model.config().num_labels == 1
               ? mse(logits, nn::load_tensor(expected, "labels").to(device))
               : cross_entropy(logits, Tensor::from(integers(expected, "labels"),
                                                    {batch.sequences()}, device));
    backward(loss);
  }
};

void check_model(const std::string& name, bool observed, Device device) {
  CAPTURE(name);
  CAPTURE(observed);
  const GoldenRun run(name, observed, device);
  CHECK((run.outputs > 0) == observed);
  check_close(run.expected, "logits", run.logits.value());
  check_close(run.expected, "loss", run.loss.value());
  int gradients = 0;
  run.loaded.model->for_each_parameter([&](nn::Parameter& parameter) {
    check_close(run.expected, "grad." + parameter.path(), parameter.grad());
    ++gradients;
  });
  CHECK(gradients + 6 == static_cast<int>(run.expected.tensors().size()));
}

// The 2-norm of the difference over that of the expected, both summed up by add().
struct Distance {
  double difference = 0, size = 0;

  void add(const nn::Checkpoint& file, const std::string& name, const Tensor& ours) {
    const nn::StoredTensor& stored = file.at(name);
    std::vector<double> expected(static_cast<size_t>(stored.numel()));
    nn::copy_to(stored, std::span<double>(expected));
    const std::vector<real> values = ours.to_vector();
    REQUIRE(values.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      difference += std::pow(static_cast<double>(values[i]) - expected[i], 2);
      size += std::pow(expected[i], 2);
    }
  }
  double ratio() const { return std::sqrt(difference / size); }
};

void check_bf16(const std::string& name, Device device) {
  CAPTURE(name);
  const GoldenRun run(name, false, device, Precision::bf16);
  Distance logits, gradients;
  logits.add(run.expected, "logits", run.logits.value());
  run.loaded.model->for_each_parameter([&](nn::Parameter& parameter) {
    gradients.add(run.expected, "grad." + parameter.path(), parameter.grad());
  });
  CHECK(logits.ratio() < kBf16Tolerance);
  CHECK(gradients.ratio() < kBf16Tolerance);
  // Nothing is rounded in the double build; else the trunk's Linears are.
  CHECK((logits.ratio() < kTolerance) == (sizeof(real) == 8));
}

void check_all(const std::string& name, Device device = Device::cpu) {
  check_model(name, false, device);
  check_model(name, true, device);
  check_bf16(name, device);
}

}  // namespace

TEST_CASE("deberta_v3: logits, loss and gradients as Hugging Face's") {
  check_all("deberta_buckets");
}
TEST_CASE("deberta_v3: content to position alone") {
  check_all("deberta_c2p");
}
TEST_CASE("deberta_v3: position to content alone, a score, an odd number of buckets") {
  check_all("deberta_p2c");
}
TEST_CASE("deberta_v3: distances without buckets, cut at the table's ends") {
  check_all("deberta_no_buckets");
}
TEST_CASE("roberta: logits, loss and gradients as Hugging Face's") {
  check_all("roberta");
}
TEST_CASE("bert: logits, loss and gradients as Hugging Face's") {
  check_all("bert");
}

TEST_CASE("models: all of them as Hugging Face's on a GPU") {
  if (test::skipped_without_gpu()) return;
  for (const char* name :
       {"deberta_buckets", "deberta_c2p", "deberta_p2c", "deberta_no_buckets", "roberta", "bert"}) {
    check_all(name, Device::cuda);
  }
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
