// What `trace` writes: the arrays of the contract, and the numbers of the reference traces.
#include "cli/trace.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "nn/checkpoint/checkpoint.h"
#include "tests/train/tiny_run.h"

namespace soragrad::cli {
namespace {

namespace fs = std::filesystem;

std::vector<float> floats(const nn::Checkpoint& file, const std::string& name) {
  std::vector<float> values(static_cast<size_t>(file.at(name).numel()));
  file.copy_to(name, std::span<float>(values));
  return values;
}

std::vector<int64_t> integers(const nn::Checkpoint& file, const std::string& name) {
  std::vector<int64_t> values(static_cast<size_t>(file.at(name).numel()));
  file.copy_to(name, std::span<int64_t>(values));
  return values;
}

TraceOptions tiny_options(const test::TinyFolder& tiny) {
  TraceOptions options;
  options.model = tiny.run("model");
  options.task = "cola";
  options.input = tiny.run("CoLA/dev.tsv");
  options.output = tiny.run("trace.safetensors");
  return options;
}

nn::Checkpoint traced(const TraceOptions& options) {
  REQUIRE(trace_main(options) == 0);
  return nn::open_checkpoint(options.output);
}

// The largest difference of a tensor over its largest element; a gradient that is 0 but for
// rounding counts against `zero` instead. Infinite where shapes differ.
double error_of(const nn::Checkpoint& golden, const nn::Checkpoint& ours, const std::string& name,
                double tolerance, double zero) {
  const nn::StoredTensor* other = ours.find(name);
  if (!other || other->sizes != golden.at(name).sizes) return HUGE_VAL;
  const std::vector<float> a = floats(golden, name), b = floats(ours, name);
  double largest = 0, difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max<double>(largest, std::abs(a[i]));
    if (std::isnan(b[i])) return HUGE_VAL;
    difference = std::max<double>(difference, std::abs(a[i] - b[i]));
  }
  if (name.starts_with("grad.") && largest < 1e-9) return difference / zero * tolerance;
  return difference / std::max(largest, 1e-6);
}

double largest_gradient(const nn::Checkpoint& golden) {
  double largest = 1;
  for (const nn::StoredTensor& tensor : golden.tensors()) {
    if (!tensor.name.starts_with("grad.")) continue;
    for (const float x : floats(golden, tensor.name))
      largest = std::max<double>(largest, std::abs(x));
  }
  return largest;
}

void compare(const fs::path& golden_path, const nn::Checkpoint& ours) {
  constexpr double kTolerance = 2e-5;  // of the largest element: float against double
  const nn::Checkpoint golden = nn::open_checkpoint(golden_path);
  REQUIRE(golden.tensors().size() > 4);
  const double zero = 1e-7 * largest_gradient(golden);
  for (const nn::StoredTensor& tensor : golden.tensors()) {
    CAPTURE(tensor.name);
    if (tensor.dtype == DType::i64) {
      CHECK(integers(golden, tensor.name) == integers(ours, tensor.name));
    } else {
      CHECK(error_of(golden, ours, tensor.name, kTolerance, zero) <= kTolerance);
    }
  }
}

}  // namespace

TEST_CASE("trace: the arrays of the contract, with their shapes") {
  const test::TinyFolder tiny;
  TraceOptions options = tiny_options(tiny);
  options.rows = 3;
  options.grad = true;
  const nn::Checkpoint file = traced(options);
  const auto offsets = integers(file, "offsets");
  REQUIRE(offsets.size() == 4);
  const int64_t tokens = offsets.back();
  using Sizes = std::vector<int64_t>;
  CHECK(file.at("input_ids").sizes == Sizes{tokens});
  CHECK(file.at("labels").dtype == DType::i64);
  for (const char* name : {"hidden.0", "hidden.1", "hidden.2"}) {
    CHECK(file.at(name).sizes == Sizes{tokens, 16});
  }
  CHECK(file.at("logits").sizes == Sizes{3, 2});
  CHECK(file.at("loss").sizes.empty());
  CHECK(file.at("act.bert.encoder.layer.1.attention.self").sizes == Sizes{tokens, 16});
  CHECK(file.at("act.bert.encoder.layer.1.intermediate.dense").sizes == Sizes{tokens, 24});
  CHECK(file.at("act.bert.pooler").sizes == Sizes{3, 16});
  CHECK(floats(file, "hidden.2") == floats(file, "act.bert.encoder.layer.1.output.LayerNorm"));
  CHECK(file.at("grad.bert.embeddings.word_embeddings.weight").sizes == Sizes{13, 16});
  CHECK(file.at("grad.classifier.bias").sizes == Sizes{2});

  int64_t pairs = 0;
  for (size_t i = 1; i < offsets.size(); ++i) {
    pairs += (offsets[i] - offsets[i - 1]) * (offsets[i] - offsets[i - 1]);
  }
  const auto probabilities = floats(file, "attention.1");
  CHECK(static_cast<int64_t>(probabilities.size()) == 2 * pairs);
  double sum = 0;
  for (const float p : probabilities) sum += p;
  CHECK(sum == doctest::Approx(2.0 * static_cast<double>(tokens)));
}

TEST_CASE("trace: start and rows pick a batch of the file; without grad there are no gradients") {
  const test::TinyFolder tiny;
  TraceOptions options = tiny_options(tiny);
  const auto eight = integers(traced(options), "labels");
  CHECK(eight.size() == 8);
  options.start = 19;
  const nn::Checkpoint rest = traced(options);
  CHECK(integers(rest, "labels").size() == 2);  // of 21
  for (const nn::StoredTensor& tensor : rest.tensors()) {
    CHECK_FALSE(tensor.name.starts_with("grad."));
  }
  options.start = 2;
  options.rows = 3;
  CHECK(integers(traced(options), "labels") ==
        std::vector<int64_t>(eight.begin() + 2, eight.begin() + 5));
}

TEST_CASE(
    "trace: bf16 is near fp32, with the same numbers whether gradients are asked for or not") {
  const test::TinyFolder tiny;
  TraceOptions options = tiny_options(tiny);
  const nn::Checkpoint exact = traced(options);
  options.precision = "bf16";
  const nn::Checkpoint rounded = traced(options);
  options.grad = true;
  options.output = tiny.run("grad.safetensors");
  const nn::Checkpoint with_grad = traced(options);
  for (const nn::StoredTensor& tensor : rounded.tensors()) {
    CAPTURE(tensor.name);
    if (tensor.dtype != DType::f32) continue;
    CHECK(floats(rounded, tensor.name) == floats(with_grad, tensor.name));
    // Relative to the largest element: bf16 operands are off by up to 2^-9, in some ten products
    // one after another.
    CHECK(error_of(exact, rounded, tensor.name, 2e-2, 0) < 2e-2);
  }
  const std::string dense = "act.bert.encoder.layer.0.intermediate.dense";
  CHECK(error_of(exact, rounded, dense, 0, 0) > 1e-4);
}

TEST_CASE("trace: keys that would have no effect are refused") {
  const test::TinyFolder tiny;
  TraceOptions options = tiny_options(tiny);
  options.task = "custom";
  options.input = tiny.write("own.csv", "body,label\na cat,x\nthe dog,y\n");
  for (const char* key : {"class_weights=balanced", "label_smoothing_factor=0.1", "k_folds=2",
                          "learning_rate=1", "train_file=other.csv"}) {
    CAPTURE(key);
    options.keys = {"text_column=body", key};
    CHECK(test::contains(test::message_of([&] { trace_main(options); }), "has no effect here"));
  }
  options.keys = {"text_column=body"};
  CHECK(trace_main(options) == 0);
}

TEST_CASE("trace: options that cannot be are refused") {
  const test::TinyFolder tiny;
  const auto refused = [&](auto change) {
    TraceOptions options = tiny_options(tiny);
    change(options);
    CHECK_THROWS_AS(trace_main(options), UsageError);
  };
  refused([](TraceOptions& o) { o.start = -1; });
  refused([](TraceOptions& o) { o.rows = 0; });
  refused([](TraceOptions& o) { o.max_length = 129; });  // the position table holds 128
  refused([](TraceOptions& o) { o.max_length = 0; });
  refused([](TraceOptions& o) { o.device = "tpu"; });
  refused([](TraceOptions& o) { o.precision = "fp8"; });
  refused([](TraceOptions& o) { o.task = "squad"; });
  TraceOptions options = tiny_options(tiny);
  options.start = 21;
  CHECK_THROWS_AS(trace_main(options), Error);
}

TEST_CASE("trace: reference traces of Hugging Face in float64") {
  const auto table = test::shared_path("fixtures/goldens/index.tsv");
  if (!table) {
    MESSAGE("SKIPPED: no reference traces beside the checkout");
    return;
  }
  std::ifstream index(*table);
  const fs::path goldens = table->parent_path(), shared = *test::shared_path("");
  const test::TinyFolder tiny;
  std::string line;
  std::getline(index, line);
  int cases = 0;
  while (std::getline(index, line)) {
    std::istringstream fields(line);
    std::string name, model, input;
    int64_t max_length = 0;
    TraceOptions options;
    fields >> name >> model >> options.task >> input >> options.start >> options.rows >> max_length;
    REQUIRE(fields);
    CAPTURE(name);
    // The index names paths from the folder above shared/.
    options.model = (shared / fs::path(model).lexically_relative("shared")).string();
    options.input = (shared / fs::path(input).lexically_relative("shared")).string();
    options.max_length = max_length;
    options.grad = true;
    options.output = tiny.run("trace.safetensors");
    compare(goldens / (name + ".safetensors"), traced(options));
    ++cases;
  }
  CHECK(cases > 0);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
