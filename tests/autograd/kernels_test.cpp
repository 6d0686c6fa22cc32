// Kernels that no op_cases row reaches, on a GPU or an emulated one: the optimizer's, long
// sequences, empty sizes.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "autograd/ops.h"
#include "core/kernels/attention/attention.h"
#include "core/kernels/linear/gemm.h"
#include "core/kernels/norm/layer_norm.h"
#include "core/kernels/optim/adamw.h"
#include "core/kernels/optim/grad_norm.h"
#include "core/kernels/optim/rank_allocation.h"
#include "core/kernels/rows/rows.h"
#include "tests/gpu.h"
#include "tests/op_cases.h"

namespace soragrad {
namespace {

struct OptimizerState {
  Tensor value, m, v;
};

// Two updates of 1000 elements in three segments, with a hole between two of them.
OptimizerState two_updates(Device device, kernels::UpdateRule rule, bool clip) {
  using kernels::Proximal;
  const std::vector<kernels::AdamWSegment> segments = {
      {.begin = 0, .end = 600, .lr = 1e-2, .weight_decay = 0.1, .rule = rule},
      {.begin = 616,
       .end = 617,
       .lr = 1e-3,
       .rule = rule,
       .proximal = Proximal::exact,
       .threshold = 0.5},
      {.begin = 617,
       .end = 1000,
       .lr = 1e-1,
       .rule = rule,
       .proximal = Proximal::released,
       .threshold = 0.2}};
  OptimizerState state{test::normal({1000}, 1).clone().to(device),
                       Tensor::zeros({1000}, kReal, device), Tensor::zeros({1000}, kReal, device)};
  const Tensor grad_scale = Tensor::full({}, real(0.7), device);
  for (int t = 1; t <= 2; ++t) {
    std::vector<kernels::AdamWSegment> now = segments;
    for (auto& segment : now) {
      segment.correction1 = 1 - std::pow(segment.beta1, t);
      segment.correction2 = 1 - std::pow(segment.beta2, t);
    }
    const auto bytes = static_cast<int64_t>(now.size() * sizeof(now[0]));
    Tensor table = Tensor::empty({bytes}, DType::u8);
    std::memcpy(table.raw(), now.data(), table.bytes());
    table = table.to(device);
    const Tensor grad = test::normal({1000}, static_cast<uint64_t>(10 + t)).to(device);
    kernels::adamw(device, {.value = state.value.data(),
                            .grad = grad.data(),
                            .m = state.m.data(),
                            .v = state.v.data(),
                            .segments = reinterpret_cast<const kernels::AdamWSegment*>(table.raw()),
                            .segment_count = static_cast<int64_t>(now.size()),
                            .grad_scale = clip ? grad_scale.data() : nullptr});
  }
  return state;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<real> x = a.to_vector(), y = b.to_vector();
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = std::abs(static_cast<double>(x[i]) - y[i]);
    worst = error <= worst ? worst : error;  // a NaN is kept
  }
  return worst;
}

// Scores and masks of three triplet matrices of ranks 1 to 3 after four steps of one plan each.
struct Ranks {
  std::vector<real> entries, scores, mask, gates;
};

Ranks allocate_ranks(Device device, const std::vector<kernels::RankPlan>& plans) {
  constexpr int64_t kIn = 40, kOut = 300, kParts = 3, kTriplets = 1 + 2 + 3;
  constexpr int64_t kEntries = kTriplets * (kIn + 1 + kOut);
  const Tensor sensitivity = Tensor::zeros({kEntries}, kReal, device);
  const Tensor uncertainty = Tensor::zeros({kEntries}, kReal, device);
  const Tensor scores = Tensor::zeros({kTriplets}, kReal, device);
  const Tensor mask = Tensor::full({kTriplets}, 1, device);
  const Tensor grad_scale = Tensor::full({}, real(0.7), device);
  Tensor values;
  for (size_t step = 0; step < plans.size(); ++step) {
    values = test::normal({kEntries}, 2 * step).clone().to(device);
    const Tensor grads = test::normal({kEntries}, 2 * step + 1).to(device);
    Tensor plan = Tensor::empty({static_cast<int64_t>(sizeof(plans[step]))}, DType::u8);
    std::memcpy(plan.raw(), &plans[step], sizeof(plans[step]));
    plan = plan.to(device);
    kernels::RankScoresArgs args{.count = kParts,
                                 .sensitivity = sensitivity.data(),
                                 .uncertainty = uncertainty.data(),
                                 .grad_scale = grad_scale.data(),
                                 .plan = reinterpret_cast<const kernels::RankPlan*>(plan.raw()),
                                 .beta1 = real(0.85),
                                 .beta2 = real(0.8)};
    kernels::RankMaskArgs mask_args{.count = kParts,
                                    .scores = scores.data(),
                                    .mask = mask.data(),
                                    .triplets = kTriplets,
                                    .plan = args.plan};
    int64_t entry = 0, triplet = 0;
    for (int part = 0; part < kParts; ++part) {
      const int64_t rank = part + 1;
      const auto next = [&](int64_t count) {
        entry += count;
        return kernels::RankScoresArgs::Parameter{values.data() + entry - count,
                                                  grads.data() + entry - count, entry - count};
      };
      const auto a = next(rank * kIn), gate = next(rank), b = next(rank * kOut);
      args.parts[part] = {a, gate, b, rank, kIn, kOut, scores.data() + triplet};
      mask_args.parts[part] = {values.data() + gate.begin, rank, triplet};
      triplet += rank;
    }
    kernels::rank_scores(device, args);
    kernels::rank_mask(device, mask_args);
  }
  std::vector<real> entries = sensitivity.to_vector();
  const std::vector<real> more = uncertainty.to_vector();
  entries.insert(entries.end(), more.begin(), more.end());
  return {entries, scores.to_vector(), mask.to_vector(), values.to_vector()};
}

// Forward and backward of 5 rows with dropout: y, normalised, rstd, ds and dx.
std::vector<Tensor> normalise(Device device, int64_t hidden) {
  constexpr int64_t kRows = 5;
  const auto input = [&](uint64_t seed) { return test::normal({kRows, hidden}, seed).to(device); };
  const auto result = [&](int64_t n) { return Tensor::empty({n}, kReal, device); };
  const Tensor x = input(1), residual = input(2), dy = input(3);
  const Tensor weight = test::normal({hidden}, 4).to(device);
  const Tensor bias = test::normal({hidden}, 5).to(device);
  std::vector<Tensor> results{result(kRows * hidden), result(kRows * hidden), result(kRows),
                              result(kRows * hidden), result(kRows * hidden)};
  const RandomStream stream{.seed = 7, .site = 3, .step = 5};
  kernels::layer_norm(device, {.x = x.data(),
                               .residual = residual.data(),
                               .weight = weight.data(),
                               .bias = bias.data(),
                               .y = results[0].data(),
                               .normalised = results[1].data(),
                               .rstd = results[2].data(),
                               .rows = kRows,
                               .hidden = hidden,
                               .eps = real(1e-7),
                               .drop_threshold = drop_threshold(0.2),
                               .keep_scale = real(1.25),
                               .stream = stream});
  kernels::layer_norm_backward(device, {.dy = dy.data(),
                                        .normalised = results[1].data(),
                                        .rstd = results[2].data(),
                                        .weight = weight.data(),
                                        .ds = results[3].data(),
                                        .dx = results[4].data(),
                                        .dweight = {},
                                        .dbias = {},
                                        .rows = kRows,
                                        .hidden = hidden,
                                        .drop_threshold = drop_threshold(0.2),
                                        .keep_scale = real(1.25),
                                        .stream = stream});
  return results;
}

}  // namespace

TEST_CASE("rank_allocation: a GPU chooses the CPU's ranks") {
  if (test::skipped_without_gpu()) return;
  const std::vector<kernels::RankPlan> plans = {
      {.smooths = true},                                                // no mask yet
      {.smooths = true, .masks = true, .applies = true, .dropped = 0},  // all are kept
      {.smooths = true, .masks = true, .applies = true, .dropped = 4},
      {.smooths = false, .masks = true, .applies = true, .dropped = 5},
      {.applies = true}};
  for (size_t steps = 1; steps <= plans.size(); ++steps) {
    CAPTURE(steps);
    const std::vector<kernels::RankPlan> some(plans.begin(),
                                              plans.begin() + static_cast<int64_t>(steps));
    const Ranks cpu = allocate_ranks(Device::cpu, some), cuda = allocate_ranks(Device::cuda, some);
    for (size_t i = 0; i < cpu.entries.size(); ++i) {  // a GPU contracts to FMA
      CHECK(cuda.entries[i] == doctest::Approx(cpu.entries[i]).epsilon(2e-7));
    }
    CHECK(cuda.mask == cpu.mask);
    CHECK(cuda.gates == cpu.gates);
    for (size_t i = 0; i < cpu.scores.size(); ++i) {  // sums in double, in another order
      CHECK(cuda.scores[i] == doctest::Approx(cpu.scores[i]).epsilon(2e-7));
    }
    const int64_t dropped = std::max_element(some.begin(), some.end(), [](auto& x, auto& y) {
                              return x.dropped < y.dropped;
                            })->dropped;  // grows from mask to mask
    CHECK(std::count(cpu.mask.begin(), cpu.mask.end(), real(0)) == dropped);
  }
}

TEST_CASE("adamw: a GPU makes the CPU's updates") {
  if (test::skipped_without_gpu()) return;
  for (const auto rule :
       {kernels::UpdateRule::torch, kernels::UpdateRule::hf, kernels::UpdateRule::sgd}) {
    for (const bool clip : {false, true}) {
      CAPTURE(static_cast<int>(rule));
      CAPTURE(clip);
      const OptimizerState cpu = two_updates(Device::cpu, rule, clip);
      const OptimizerState cuda = two_updates(Device::cuda, rule, clip);
      // Values and moments are below 4: a few roundings of 2^-23.
      CHECK(largest_difference(cpu.value, cuda.value) <= 2e-6);
      CHECK(largest_difference(cpu.m, cuda.m) <= 2e-6);
      CHECK(largest_difference(cpu.v, cuda.v) <= 2e-6);
      CHECK(cpu.value.to_vector()[605] == cuda.value.to_vector()[605]);  // in no segment
    }
  }
}

TEST_CASE("grad_norm: a GPU gives the CPU's norm") {
  if (test::skipped_without_gpu()) return;
  for (const int64_t n : {0, 1, 257, 70001}) {
    CAPTURE(n);
    const Tensor x = test::normal({n}, 5);
    double norms[2];
    real scales[2];
    for (const Device device : {Device::cpu, Device::cuda}) {
      const Tensor norm = Tensor::zeros({}, DType::f64, device), grad = x.to(device);
      const Tensor scale = Tensor::zeros({}, kReal, device);
      kernels::grad_norm(device, {.grad = grad.data(),
                                  .norm = norm.data<double>(),
                                  .scale = scale.data(),
                                  .n = n,
                                  .max_norm = 0.1});
      norms[static_cast<int>(device)] = norm.item<double>();
      scales[static_cast<int>(device)] = scale.item();
    }
    CHECK(norms[1] == doctest::Approx(norms[0]).epsilon(1e-12));  // double, another order
    CHECK(scales[1] == doctest::Approx(scales[0]).epsilon(1e-7));
  }
}

TEST_CASE("layer_norm: a GPU agrees with the CPU, whatever its rows' length") {
  if (test::skipped_without_gpu()) return;
  for (const int64_t hidden : {4, 128, 132, 384, 766, 768, 1024, 1028}) {
    CAPTURE(hidden);
    const auto cpu = normalise(Device::cpu, hidden), cuda = normalise(Device::cuda, hidden);
    for (size_t i = 0; i < cpu.size(); ++i) {
      CAPTURE(i);
      CHECK(largest_difference(cpu[i], cuda[i]) <= 1e-5);  // numbers up to 10, sums of 1028
    }
  }
}

// The device's expf and tanhf take the place of the CPU's polynomials (core/kernels/math.h).
TEST_CASE("unary: a GPU's tanh and gelu are exact to their last bits, over all magnitudes") {
  if (test::skipped_without_gpu()) return;
  std::vector<real> values;
  for (uint64_t bits = 0; bits < 0x41400000u; bits += 40'009) {  // up to 12
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    values.insert(values.end(), {static_cast<real>(x), static_cast<real>(-x)});
  }
  const Variable x(Tensor::from(values, {static_cast<int64_t>(values.size())}, Device::cuda));
  const std::vector<real> of_tanh = tanh(x).value().to_vector(),
                          of_gelu = gelu(x).value().to_vector();
  double worst_tanh = 0, worst_gelu = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    constexpr double kSmallestNormal = 0x1p-126;
    const double at = values[i], phi = 0.5 * std::erfc(-at / std::sqrt(2.0));
    const auto error = [&](double actual, double exact) {
      return std::abs(actual - exact) / std::max(std::abs(exact), kSmallestNormal);
    };
    worst_tanh = std::max(worst_tanh, error(of_tanh[i], std::tanh(at)));
    worst_gelu = std::max(worst_gelu, error(of_gelu[i], at * phi));
  }
  MESSAGE("tanh " << worst_tanh << ", gelu " << worst_gelu);
  CHECK(worst_tanh < 4 * 0x1p-23);
  CHECK(worst_gelu < 1e-6);  // two expf of 2 units each, and the polynomial's 4e-7
}

TEST_CASE("gemm: on a GPU a product over no elements is zero, or adds nothing") {
  if (test::skipped_without_gpu()) return;
  for (const bool accumulate : {false, true}) {
    const Tensor c = test::normal({3, 4}, 6).to(Device::cuda);
    const std::vector<real> before = c.to_vector();
    kernels::gemm(Device::cuda, {.c = c.data(),
                                 .m = 3,
                                 .n = 4,
                                 .k = 0,
                                 .lda = 0,
                                 .ldb = 4,
                                 .ldc = 4,
                                 .accumulate = accumulate});
    CHECK(c.to_vector() == (accumulate ? before : std::vector<real>(12, 0)));
  }
}

TEST_CASE("scatter_add_rows: rows that are fresh, few and very many, on a GPU as on the CPU") {
  if (test::skipped_without_gpu()) return;
  const std::vector<int64_t> index = {3, 0, 3, 6, 2, 6, 6, 1, 3, 0, 5, 5, 1, 6, 4, 0, 2};
  const auto n = static_cast<int64_t>(index.size());
  for (const int64_t rows : {int64_t{7}, int64_t{1} << 20}) {
    CAPTURE(rows);
    std::vector<real> results[2];
    for (const Device device : {Device::cpu, Device::cuda}) {
      const Tensor of_row = Tensor::from(index, {n}, device);
      const Tensor dy = test::normal({n, 1}, 1).to(device);
      const Tensor dx = Tensor::full({rows, 1}, 5, device);  // is to be overwritten
      kernels::scatter_add_rows(device, {.index = of_row.data<int64_t>(),
                                         .dy = dy.data(),
                                         .dx = dx.data(),
                                         .n = n,
                                         .hidden = 1,
                                         .skip = 6,
                                         .fresh_rows = rows});
      results[static_cast<int>(device)] = dx.to_vector();
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0][6] == 0);
  }
}

TEST_CASE("attention: a row of 3100 keys on a GPU agrees with the CPU") {
  if (test::skipped_without_gpu()) return;
  constexpr int64_t kLength = 3100, kShort = 5, kHidden = 2;
  const std::vector<int64_t> offsets = {0, kShort, kShort + kLength};
  const int64_t tokens = offsets.back();
  Tensor results[2], probabilities[2];
  for (const Device device : {Device::cpu, Device::cuda}) {
    const Tensor q = test::normal({2, kHidden}, 1).to(device);
    const Tensor k = test::normal({tokens, kHidden}, 2).to(device);
    const Tensor v = test::normal({tokens, kHidden}, 3).to(device);
    const Tensor on_device = Tensor::from(offsets, {3}, device);
    const Tensor y = Tensor::empty({2, kHidden}, kReal, device);
    const Tensor p = Tensor::empty({2 * tokens}, kReal, device);
    kernels::attention(device, {.q = q.data(),
                                .k = k.data(),
                                .v = v.data(),
                                .offsets = on_device.data<int64_t>(),
                                .y = y.data(),
                                .probabilities = p.data(),
                                .tokens = tokens,
                                .sequences = 2,
                                .heads = 2,
                                .head_size = 1,
                                .max_length = kLength,
                                .scale = 1,
                                .keep_scale = 1,
                                .first_query_only = true});
    results[static_cast<int>(device)] = y;
    probabilities[static_cast<int>(device)] = p;
  }
  CHECK(largest_difference(results[0], results[1]) <= 1e-5);  // sums of 3100 terms
  CHECK(largest_difference(probabilities[0], probabilities[1]) <= 1e-6);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
