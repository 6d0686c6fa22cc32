// What a language model answers: tokens drawn from softmax(logits), hits, replaced tokens.
#include <doctest/doctest.h>

#include <algorithm>

#include <cmath>

#include "autograd/ops.h"
#include "core/parallel.h"
#include "tests/gpu.h"
#include "tests/op_cases.h"

namespace soragrad {
namespace {

constexpr RandomStream kStream{.seed = 7, .site = random_site("test"), .step = 3};

}  // namespace

TEST_CASE("sample_tokens: tokens come as often as softmax says") {
  constexpr int64_t kRows = 20000, kVocab = 5;
  const std::vector<real> logits = {1, -2, real(0.5), -30, 2};
  std::vector<real> repeated;
  for (int64_t row = 0; row < kRows; ++row) {
    repeated.insert(repeated.end(), logits.begin(), logits.end());
  }
  const std::vector<int64_t> samples =
      sample_tokens(Tensor::from(repeated, {kRows, kVocab}), kStream).to_vector<int64_t>();
  std::vector<double> counts(kVocab), weights(kVocab);
  double total = 0;
  for (const int64_t sample : samples) counts.at(static_cast<size_t>(sample)) += 1;
  for (size_t j = 0; j < weights.size(); ++j) {
    weights[j] = std::exp(static_cast<double>(logits[j]));
    total += weights[j];
  }
  for (size_t j = 0; j < weights.size(); ++j) {
    const double p = weights[j] / total;  // five standard deviations of the count
    CHECK(std::abs(counts[j] - p * kRows) <= 5 * std::sqrt(p * kRows) + 1e-3);
  }
}

TEST_CASE("sample_tokens: one token far above the others is drawn; equal ones all occur") {
  std::vector<real> logits(9001, real(-100));
  logits[8999] = 50;
  const Tensor one = sample_tokens(Tensor::from(logits, {1, 9001}), kStream);
  CHECK(one.item<int64_t>() == 8999);
  const std::vector<int64_t> equal =
      sample_tokens(Tensor::zeros({4000, 3}), kStream).to_vector<int64_t>();
  for (int64_t token = 0; token < 3; ++token) {
    CHECK(std::count(equal.begin(), equal.end(), token) > 1200);
  }
}

TEST_CASE("sample_tokens: threads and streams") {
  const Tensor logits = test::normal({300, 131}, 5);
  const int before = num_threads();
  set_num_threads(1);
  const auto one = sample_tokens(logits, kStream).to_vector<int64_t>();
  set_num_threads(2);
  const auto two = sample_tokens(logits, kStream).to_vector<int64_t>();
  set_num_threads(before);
  CHECK(one == two);
  RandomStream other = kStream;
  other.step = 4;
  CHECK(one != sample_tokens(logits, other).to_vector<int64_t>());
}

TEST_CASE("token choices: both devices answer the same") {
  if (test::skipped_without_gpu()) return;
  const Tensor logits = test::normal({257, 1031}, 6);
  const Tensor wide = Tensor::empty_like(logits);
  for (int64_t i = 0; i < logits.numel(); ++i) wide.data()[i] = logits.data()[i] * 6;
  std::vector<int64_t> labels(257);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int64_t>(i * 17 % 1031);
  for (const Tensor& host : {logits, wide}) {
    const Tensor device = host.to(Device::cuda);
    const auto cpu = sample_tokens(host, kStream).to_vector<int64_t>();
    CHECK(cpu == sample_tokens(device, kStream).to_vector<int64_t>());
    labels.assign(cpu.begin(), cpu.end());
    const Tensor answers = Tensor::from(labels, {257});
    CHECK(label_hits(host, answers).item() == label_hits(device, answers.to(Device::cuda)).item());
  }
}

TEST_CASE("label_hits: counts rows whose largest logit is the label's") {
  const Tensor logits = Tensor::from<real>({1, 3, 2, 5, 5, 0}, {2, 3});
  CHECK(label_hits(logits, Tensor::from<int64_t>({1, 0}, {2})).item() == 2);
  CHECK(label_hits(logits, Tensor::from<int64_t>({2, 1}, {2})).item() == 1);
}

TEST_CASE("replace_tokens: samples take their places; one equal to its label is an original") {
  std::vector<Device> devices{Device::cpu};
  if (cuda::unavailable_reason().empty()) devices.push_back(Device::cuda);
  for (const Device device : devices) {
    const auto ids = [&](const std::vector<int64_t>& values) {
      return Tensor::from(values, {static_cast<int64_t>(values.size())}, device);
    };
    const ReplacedTokens result =
        replace_tokens(ids({10, 4, 12, 4, 14}), ids({3, 1}), ids({7, 11}), ids({13, 11}));
    CHECK(result.ids.to_vector<int64_t>() == std::vector<int64_t>{10, 11, 12, 7, 14});
    CHECK(result.targets.to_vector() == std::vector<real>{0, 0, 0, 1, 0});
  }
}

TEST_CASE("binary_cross_entropy: hits, and logits that overflow no exponential") {
  const Variable logits(Tensor::from<real>({2, -3, 1000, -1000}, {4}), true);
  const Tensor targets = Tensor::from<real>({1, 1, 1, 1}, {4});
  Tensor hits;
  const Variable loss = binary_cross_entropy(logits, targets, &hits);
  CHECK(hits.item() == 2);
  CHECK(static_cast<double>(loss.value().item()) ==
        doctest::Approx((std::log1p(std::exp(-2.0)) + std::log1p(std::exp(3.0)) + 1000) / 4));
  backward(loss);
  CHECK(static_cast<double>(logits.grad().to_vector()[3]) == doctest::Approx(-0.25));
  CHECK(logits.grad().to_vector()[2] == 0);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
