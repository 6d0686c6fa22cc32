// Speed of the kernels at the sizes of DeBERTaV3-base: 1024 tokens, hidden 768, 3072 inside the
// feed-forward part. Reported as elements and bytes (read and written once each) a second.
//
//   kernels_bench [--benchmark_filter=gelu]      the argument is the number of threads
#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "autograd/ops.h"
#include "core/kernels/adamw.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/dropout.h"
#include "core/kernels/layer_norm.h"
#include "core/kernels/rows.h"
#include "core/kernels/softmax.h"
#include "core/kernels/grad_norm.h"
#include "core/kernels/unary.h"
#include "core/parallel.h"
#include "core/rng.h"

namespace soragrad {
namespace {

constexpr int64_t kTokens = 1024, kHidden = 768, kInner = 3072;
constexpr RandomStream kStream{.seed = 1, .site = 2, .step = 3};

// Uniform in (-3, 3).
Tensor uniform(const Shape& shape) {
  Tensor x = Tensor::empty(shape);
  for (int64_t i = 0; i < x.numel(); ++i) {
    const uint32_t word = philox(kStream, static_cast<uint64_t>(i)).bits[0];
    x.data()[i] = static_cast<real>(word) * (real(6) / real(4294967296.0)) - 3;
  }
  return x;
}

// Runs body in a loop with the threads of the benchmark's argument.
template <typename Body>
void measure(benchmark::State& state, int64_t elements, int64_t arrays, Body body) {
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    body();
    benchmark::ClobberMemory();
  }
  set_num_threads(before);
  state.SetItemsProcessed(state.iterations() * elements);
  state.SetBytesProcessed(state.iterations() * elements * arrays *
                          static_cast<int64_t>(sizeof(real)));
}

#define SORAGRAD_UNARY(name, Functor)                                                        \
  void name##_forward(benchmark::State& state) {                                             \
    const Tensor x = uniform({kTokens, kInner}), y = Tensor::empty_like(x);                  \
    measure(state, x.numel(), 2, [&] {                                                       \
      kernels::name(Device::cpu, {x.data(), y.data(), x.numel()});                           \
    });                                                                                      \
  }                                                                                          \
  BENCHMARK(name##_forward)->Arg(1)->Arg(2)->UseRealTime();                                  \
  void name##_backward(benchmark::State& state) {                                            \
    const Tensor x = uniform({kTokens, kInner}), dy = x.clone(), dx = Tensor::empty_like(x); \
    measure(state, x.numel(), 3, [&] {                                                       \
      kernels::name##_backward(Device::cpu, {x.data(), dy.data(), dx.data(), x.numel()});    \
    });                                                                                      \
  }                                                                                          \
  BENCHMARK(name##_backward)->Arg(1)->Arg(2)->UseRealTime();
#include "core/kernels/unary.def"
#undef SORAGRAD_UNARY

void add(benchmark::State& state) {
  const Tensor x = uniform({kTokens, kInner}), y = x.clone();
  measure(state, x.numel(), 3, [&] {
    kernels::add(Device::cpu, {y.data(), x.data(), y.data(), x.numel()});
  });
}
BENCHMARK(add)->Arg(1)->Arg(2)->UseRealTime();

void dropout_in_cache(benchmark::State& state) {
  const Tensor x = uniform({16, kHidden}), y = Tensor::empty_like(x);
  measure(state, x.numel(), 2, [&] {
    kernels::dropout(Device::cpu, {x.data(), y.data(), x.numel(), drop_threshold(0.1), 1, kStream});
  });
}
BENCHMARK(dropout_in_cache)->Arg(1)->UseRealTime();

void dropout(benchmark::State& state) {
  const Tensor x = uniform({kTokens, kHidden}), y = Tensor::empty_like(x);
  measure(state, x.numel(), 2, [&] {
    kernels::dropout(Device::cpu, {x.data(), y.data(), x.numel(), drop_threshold(0.1), 1, kStream});
  });
}
BENCHMARK(dropout)->Arg(1)->Arg(2)->UseRealTime();

void residual_layer_norm(benchmark::State& state) {
  const Tensor x = uniform({kTokens, kHidden}), residual = x.clone(), y = x.clone();
  const Tensor normalised = x.clone(), rstd = uniform({kTokens}), weight = uniform({kHidden});
  measure(state, x.numel(), 4, [&] {
    kernels::layer_norm(Device::cpu, {.x = x.data(),
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
  });
}
BENCHMARK(residual_layer_norm)->Arg(1)->Arg(2)->UseRealTime();

void residual_layer_norm_backward(benchmark::State& state) {
  const Tensor dy = uniform({kTokens, kHidden}), normalised = dy.clone(), ds = dy.clone();
  const Tensor dx = dy.clone(), rstd = uniform({kTokens}), weight = uniform({kHidden});
  measure(state, dy.numel(), 4, [&] {
    kernels::layer_norm_backward(Device::cpu, {.dy = dy.data(),
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
  });
}
BENCHMARK(residual_layer_norm_backward)->Arg(1)->Arg(2)->UseRealTime();

void softmax(benchmark::State& state) {
  const Tensor x = uniform({12 * kTokens, 128}), y = Tensor::empty_like(x);
  measure(state, x.numel(), 2, [&] {
    kernels::softmax(Device::cpu, {x.data(), y.data(), x.size(0), x.size(1)});
  });
}
BENCHMARK(softmax)->Arg(1)->Arg(2)->UseRealTime();

void embedding_gradient(benchmark::State& state) {
  constexpr int64_t kVocabulary = 30'000;
  const Tensor dy = uniform({kTokens, kHidden});
  const Tensor dx = Tensor::zeros({kVocabulary, kHidden});
  std::vector<int64_t> ids;
  for (uint64_t i = 0; i < kTokens; ++i) ids.push_back(philox(kStream, i).bits[0] % kVocabulary);
  measure(state, dy.numel(), 3, [&] {
    kernels::scatter_add_rows(Device::cpu,
                              {ids.data(), dy.data(), dx.data(), kTokens, kHidden, -1});
  });
}
BENCHMARK(embedding_gradient)->Arg(1)->Arg(2)->UseRealTime();

void adamw(benchmark::State& state) {
  const int64_t n = 4 << 20;
  const Tensor value = uniform({n}), grad = value.clone(), m = value.clone();
  const Tensor v = Tensor::full({n}, 1);
  const kernels::AdamWSegment segment{.begin = 0, .end = n, .lr = 1e-6};
  measure(state, n, 7, [&] {
    kernels::adamw(Device::cpu,
                   {value.data(), grad.data(), m.data(), v.data(), &segment, 1, nullptr});
  });
}
BENCHMARK(adamw)->Arg(1)->Arg(2)->UseRealTime();

void grad_norm(benchmark::State& state) {
  const Tensor x = uniform({4 << 20});
  double norm = 0;
  real scale = 0;
  measure(state, x.numel(), 1, [&] {
    kernels::grad_norm(Device::cpu, {x.data(), &norm, &scale, x.numel(), 1});
  });
}
BENCHMARK(grad_norm)->Arg(1)->Arg(2)->UseRealTime();

// A small op pays for its allocation and its node, not for threads.
void small_gelu_op(benchmark::State& state) {
  const Variable x(uniform({8, 64}), true);
  measure(state, x.value().numel(), 2, [&] { benchmark::DoNotOptimize(gelu(x)); });
}
BENCHMARK(small_gelu_op)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace soragrad

BENCHMARK_MAIN();
