// Speed of the kernels at the sizes of DeBERTaV3-base: hidden size 768, intermediate size 3072.
// Prints, beside the time: GFLOP/s of products; GB/s, with every input read once and every output
// written once (the cost model of --profile); and `roof`, the larger of the two as a share of the
// machine's peaks, which are measured at the start by loops of multiply-adds and of reads. GB/s
// above the peak of memory come from caches.
//
//   kernels_bench [--benchmark_filter=gelu]      the first argument is the number of threads
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <vector>

#include "autograd/ops.h"
#include "benchmarks/attention_case.h"
#include "core/kernels/attention/attention.h"
#include "core/kernels/elementwise/arithmetic.h"
#include "core/kernels/elementwise/dropout.h"
#include "core/kernels/elementwise/unary.h"
#include "core/kernels/linear/column_sum.h"
#include "core/kernels/linear/gemm.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/kernels/linear/gemm_packed.h"
#include "core/kernels/linear/low_rank.h"
#include "core/kernels/norm/layer_norm.h"
#include "core/kernels/norm/softmax.h"
#include "core/kernels/optim/adamw.h"
#include "core/kernels/optim/grad_norm.h"
#include "core/kernels/rows/rows.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/rng.h"

namespace soragrad {
namespace {

constexpr int64_t kTokens = 1024, kHidden = 768, kInner = 3072;
constexpr RandomStream kStream{.seed = 1, .site = 2, .step = 3};

// The machine's peaks with the current number of threads, measured once for each number.
const profile::Peak& peak() {
  static std::map<int, profile::Peak> peaks;
  const auto [found, is_new] = peaks.try_emplace(num_threads());
  if (is_new) found->second = profile::measure_peak();
  return found->second;
}

// Runs body in a loop with the threads of the benchmark's argument.
template <typename Body>
void measure(benchmark::State& state, const kernels::Cost& cost, Body body) {
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(0)));
  const profile::Peak limit = peak();
  for (auto _ : state) {
    body();
    benchmark::ClobberMemory();
  }
  set_num_threads(before);
  using benchmark::Counter;
  constexpr auto kRate = Counter::kIsIterationInvariantRate;
  if (cost.flops > 0) state.counters["GFLOP/s"] = Counter(cost.flops * 1e-9, kRate);
  state.counters["GB/s"] = Counter(cost.bytes * 1e-9, kRate);
  // The seconds that the roofline allows over those that were needed.
  state.counters["roof"] =
      Counter(std::max(cost.flops / limit.flops, cost.bytes / limit.bytes), kRate);
}

template <typename Args>
void measure_kernel(benchmark::State& state, const kernels::Kernel<Args>& kernel,
                    const Args& args) {
  measure(state, cost(args), [&] { kernel(Device::cpu, args); });
}

// c (m, n) = a (m, k) b (k, n).
void gemm(benchmark::State& state) {
  const int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const Tensor a = uniform({m, k}), b = uniform({k, n}), c = uniform({m, n});
  measure_kernel(state, kernels::gemm,
                 {.a = a.data(),
                  .b = b.data(),
                  .c = c.data(),
                  .m = m,
                  .n = n,
                  .k = k,
                  .lda = k,
                  .ldb = n,
                  .ldc = n});
}

// The same with b laid out beforehand, as a Linear's weight is.
void gemm_packed(benchmark::State& state) {
  const int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const Tensor a = uniform({m, k}), packed = uniform({k, n}), c = uniform({m, n});
  measure_kernel(state, kernels::gemm_packed,
                 {.a = a.data(), .packed = packed.data(), .c = c.data(), .m = m, .n = n, .k = k});
}

// Rows of a CoLA, an MRPC and an RTE batch; a Linear, the feed-forward part.
void gemm_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"threads", "m", "n", "k"})
      ->ArgsProduct({{1, 2}, {91, 412, 2048}, {kHidden}, {kHidden, kInner}})
      ->ArgsProduct({{1, 2}, {91, 412, 2048}, {kInner}, {kHidden}})
      ->UseRealTime();
}
BENCHMARK(gemm)->Apply(gemm_sizes);
BENCHMARK(gemm_packed)->Apply(gemm_sizes);

// The same in bf16, with the rounding of a. roof is that of fp32's arithmetic.
void gemm_bf16(benchmark::State& state) {
  const int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const Tensor a = uniform({m, k}), b = uniform({k, n}), c = uniform({m, n});
  const Tensor packed = Tensor::empty(
      {static_cast<int64_t>(kernels::packed_bf16_bytes(Device::cpu, k, n))}, DType::u8);
  kernels::pack_bf16(Device::cpu,
                     {.weight = b.data(), .packed = packed.raw(), .rows = k, .columns = n});
  measure_kernel(state, kernels::gemm_bf16,
                 {.a = a.data(), .packed = packed.raw(), .c = c.data(), .m = m, .n = n, .k = k});
}

// The gradient of a weight (n, k) over m rows, and that of a bias of n.
void weight_gradient_bf16(benchmark::State& state) {
  const int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const Tensor dy = uniform({m, n}), x = uniform({m, k}), dw = uniform({n, k});
  measure_kernel(state, kernels::weight_gradient_bf16,
                 {.dy = dy.data(), .x = x.data(), .dw = dw.data(), .rows = m, .out = n, .in = k});
}
void column_sum(benchmark::State& state) {
  const int64_t m = state.range(1), n = state.range(2);
  const Tensor x = uniform({m, n}), y = uniform({n});
  measure_kernel(state, kernels::column_sum,
                 {.x = x.data(), .y = {y.data()}, .rows = m, .columns = n});
}

// The rows of a batch of pre-training at pico's widths.
void pico_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"threads", "m", "n", "k"})
      ->Args({2, 4096, 192, 192})
      ->Args({2, 4096, 768, 192})
      ->Args({2, 4096, 192, 768})
      ->UseRealTime();
}
BENCHMARK(gemm_bf16)->Apply(gemm_sizes)->Apply(pico_sizes);
BENCHMARK(weight_gradient_bf16)->Apply(pico_sizes);
BENCHMARK(column_sum)->Apply(pico_sizes);

// The delta of a Linear, and its inputs.
struct LowRankCase {
  int64_t rows, in, out, rank;
  Tensor x = uniform({rows, in}), y = uniform({rows, out}), u = uniform({rows, rank});
  Tensor a = uniform({rank, in}), b = uniform({out, rank}), gate = uniform({rank});
  Tensor dx = x.clone(), da = a.clone(), db = b.clone(), dgate = gate.clone();

  explicit LowRankCase(const benchmark::State& state)
      : rows(state.range(1)), in(state.range(2)), out(state.range(3)), rank(state.range(4)) {}
  kernels::LowRankDelta delta() const {
    return {a.data(), b.data(), gate.data(), rank, in, out, real(1e-3)};
  }
};

void low_rank(benchmark::State& state) {
  const LowRankCase data(state);
  measure_kernel(state, kernels::low_rank,
                 {data.delta(), data.x.data(), data.u.data(), data.y.data(), data.rows});
}

void low_rank_backward(benchmark::State& state) {
  const LowRankCase data(state);
  measure_kernel(state, kernels::low_rank_backward,
                 {.delta = data.delta(),
                  .x = data.x.data(),
                  .u = data.u.data(),
                  .dy = data.y.data(),
                  .da = {data.da.data()},
                  .db = {data.db.data()},
                  .dgate = {data.dgate.data()},
                  .dx = {data.dx.data()},
                  .rows = data.rows});
}

void low_rank_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"threads", "rows", "in", "out", "rank"})
      ->ArgsProduct({{1, 2}, {91, 1024}, {kHidden}, {kHidden, kInner}, {8}})
      ->ArgsProduct({{1, 2}, {91, 1024}, {kInner}, {kHidden}, {8}})
      ->ArgsProduct({{1, 2}, {91, 1024}, {kHidden}, {kHidden}, {12, 64}})
      ->UseRealTime();
}
BENCHMARK(low_rank)->Apply(low_rank_sizes);
BENCHMARK(low_rank_backward)->Apply(low_rank_sizes);

void attention(benchmark::State& state) {
  const AttentionCase data(kTokens, state.range(1));
  measure_kernel(state, kernels::attention, data.forward());
}
BENCHMARK(attention)
    ->ArgNames({"threads", "length"})
    ->ArgsProduct({{1, 2}, {16, 64, 128, 256}})
    ->UseRealTime();

void attention_backward(benchmark::State& state) {
  const AttentionCase data(kTokens, state.range(1));
  measure_kernel(state, kernels::attention_backward, data.backward());
}
BENCHMARK(attention_backward)
    ->ArgNames({"threads", "length"})
    ->ArgsProduct({{1, 2}, {16, 64, 128, 256}})
    ->UseRealTime();

#define SORAGRAD_UNARY(name, Functor)                                                             \
  void name##_forward(benchmark::State& state) {                                                  \
    const Tensor x = uniform({kTokens, kInner}), y = Tensor::empty_like(x);                       \
    measure_kernel(state, kernels::name, {x.data(), y.data(), x.numel()});                        \
  }                                                                                               \
  BENCHMARK(name##_forward)->Arg(1)->Arg(2)->UseRealTime();                                       \
  void name##_backward(benchmark::State& state) {                                                 \
    const Tensor x = uniform({kTokens, kInner}), dy = x.clone(), dx = Tensor::empty_like(x);      \
    measure_kernel(state, kernels::name##_backward, {x.data(), dy.data(), dx.data(), x.numel()}); \
  }                                                                                               \
  BENCHMARK(name##_backward)->Arg(1)->Arg(2)->UseRealTime();
#include "core/kernels/elementwise/unary.def"
#undef SORAGRAD_UNARY

void add(benchmark::State& state) {
  const Tensor x = uniform({kTokens, kInner}), y = x.clone();
  measure_kernel(state, kernels::add, {y.data(), x.data(), y.data(), x.numel()});
}
BENCHMARK(add)->Arg(1)->Arg(2)->UseRealTime();

void dropout(benchmark::State& state) {
  const Tensor x = uniform({state.range(1), kHidden}), y = Tensor::empty_like(x);
  measure_kernel(state, kernels::dropout,
                 {x.data(), y.data(), x.numel(), drop_threshold(0.1), 1, kStream});
}
BENCHMARK(dropout)
    ->ArgNames({"threads", "tokens"})
    ->ArgsProduct({{1, 2}, {16, kTokens}})  // 16: in cache
    ->UseRealTime();

void residual_layer_norm(benchmark::State& state) {
  const Tensor x = uniform({kTokens, kHidden}), residual = x.clone(), y = x.clone();
  const Tensor normalised = x.clone(), rstd = uniform({kTokens}), weight = uniform({kHidden});
  measure_kernel(state, kernels::layer_norm,
                 {.x = x.data(),
                  .residual = residual.data(),
                  .weight = weight.data(),
                  .bias = weight.data(),
                  .y = y.data(),
                  .normalised = normalised.data(),
                  .rstd = rstd.data(),
                  .rows = kTokens,
                  .hidden = kHidden,
                  .eps = real(1e-7),
                  .drop_threshold = drop_threshold(0.1),
                  .keep_scale = 1,
                  .stream = kStream});
}
BENCHMARK(residual_layer_norm)->Arg(1)->Arg(2)->UseRealTime();

void residual_layer_norm_backward(benchmark::State& state) {
  const Tensor dy = uniform({kTokens, kHidden}), normalised = dy.clone(), ds = dy.clone();
  const Tensor dx = dy.clone(), rstd = uniform({kTokens}), weight = uniform({kHidden});
  measure_kernel(state, kernels::layer_norm_backward,
                 {.dy = dy.data(),
                  .normalised = normalised.data(),
                  .rstd = rstd.data(),
                  .weight = weight.data(),
                  .ds = ds.data(),
                  .dx = dx.data(),
                  .rows = kTokens,
                  .hidden = kHidden,
                  .drop_threshold = drop_threshold(0.1),
                  .keep_scale = 1,
                  .stream = kStream});
}
BENCHMARK(residual_layer_norm_backward)->Arg(1)->Arg(2)->UseRealTime();

void softmax(benchmark::State& state) {
  const Tensor x = uniform({12 * kTokens, 128}), y = Tensor::empty_like(x);
  measure_kernel(state, kernels::softmax, {x.data(), y.data(), x.size(0), x.size(1)});
}
BENCHMARK(softmax)->Arg(1)->Arg(2)->UseRealTime();

void embedding_gradient(benchmark::State& state) {
  constexpr int64_t kVocabulary = 30'000;
  const Tensor dy = uniform({kTokens, kHidden});
  const Tensor dx = Tensor::zeros({kVocabulary, kHidden});
  std::vector<int64_t> ids;
  for (uint64_t i = 0; i < kTokens; ++i) ids.push_back(philox(kStream, i).bits[0] % kVocabulary);
  measure_kernel(state, kernels::scatter_add_rows,
                 {ids.data(), dy.data(), dx.data(), kTokens, kHidden, -1});
}
BENCHMARK(embedding_gradient)->Arg(1)->Arg(2)->UseRealTime();

void adamw(benchmark::State& state) {
  const int64_t n = 4 << 20;
  const Tensor value = uniform({n}), grad = value.clone(), m = value.clone();
  const Tensor v = Tensor::full({n}, 1);
  const kernels::AdamWSegment segment{.begin = 0, .end = n, .lr = 1e-6};
  measure(state, kernels::traffic(7 * n), [&] {
    kernels::adamw(Device::cpu,
                   {value.data(), grad.data(), m.data(), v.data(), &segment, 1, nullptr});
  });
}
BENCHMARK(adamw)->Arg(1)->Arg(2)->UseRealTime();

void grad_norm(benchmark::State& state) {
  const Tensor x = uniform({4 << 20});
  double norm = 0;
  real scale = 0;
  measure_kernel(state, kernels::grad_norm, {x.data(), &norm, &scale, x.numel(), 1});
}
BENCHMARK(grad_norm)->Arg(1)->Arg(2)->UseRealTime();

// A small op pays for its allocation and its node, not for threads.
void small_gelu_op(benchmark::State& state) {
  const Variable x(uniform({8, 64}), true);
  measure(state, kernels::traffic(2 * x.value().numel()),
          [&] { benchmark::DoNotOptimize(gelu(x)); });
}
BENCHMARK(small_gelu_op)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace soragrad

BENCHMARK_MAIN();

// SPDX-License-Identifier: Apache-2.0
