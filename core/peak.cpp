// measure_peak(): multiply-adds on registers and nothing else, and sums over more memory than the
// caches hold. Each is the median of a few rounds.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/peak.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <vector>

#include "core/parallel.h"
#include "core/profile.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::profile::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kRounds = 1 << 22;  // about 10 ms

// Runs kRounds rounds of ten vector multiply-adds. Returns the FLOP, two for each element. The ten
// chains are independent, enough to hide the latency of two units of 4 cycles each.
double multiply_add(float seed, float* result) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 1 - seed), term = hn::Set(d, seed);
  // Chains begin with different numbers, or the compiler would compute equal ones once.
  const auto start = [&](int chain) {
    return hn::Set(d, seed + 0.01f * static_cast<float>(chain));
  };
  auto a = start(0), b = start(1), c = start(2), e = start(3), f = start(4);
  auto g = start(5), h = start(6), i = start(7), j = start(8), k = start(9);
  for (int64_t round = 0; round < kRounds; ++round) {
    a = hn::MulAdd(a, factor, term);
    b = hn::MulAdd(b, factor, term);
    c = hn::MulAdd(c, factor, term);
    e = hn::MulAdd(e, factor, term);
    f = hn::MulAdd(f, factor, term);
    g = hn::MulAdd(g, factor, term);
    h = hn::MulAdd(h, factor, term);
    i = hn::MulAdd(i, factor, term);
    j = hn::MulAdd(j, factor, term);
    k = hn::MulAdd(k, factor, term);
  }
  const auto all = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)),
                           hn::Add(hn::Add(hn::Add(f, g), hn::Add(h, i)), hn::Add(j, k)));
  *result = hn::GetLane(all);
  return 2.0 * 10 * static_cast<double>(kRounds) * static_cast<double>(hn::Lanes(d));
}

// Reads n floats. Four chains hide the latency of additions.
float sum(const float* x, int64_t n) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (int64_t i = 0; i + 4 * lanes <= n; i += 4 * lanes) {
    a = hn::Add(a, hn::LoadU(d, x + i));
    b = hn::Add(b, hn::LoadU(d, x + i + lanes));
    c = hn::Add(c, hn::LoadU(d, x + i + 2 * lanes));
    e = hn::Add(e, hn::LoadU(d, x + i + 3 * lanes));
  }
  return hn::GetLane(hn::Add(hn::Add(a, b), hn::Add(c, e)));
}

}  // namespace soragrad::profile::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::profile {

HWY_EXPORT(multiply_add);
HWY_EXPORT(sum);

namespace {

constexpr int kRepeats = 5;
constexpr int64_t kMemory = int64_t{1} << 25;  // floats: 128 MiB, more than the caches hold
constexpr int64_t kPart = int64_t{1} << 18;    // floats of a task

double median_seconds(const std::function<void()>& run) {
  std::array<double, kRepeats> times;
  for (double& time : times) {
    const auto start = std::chrono::steady_clock::now();
    run();
    time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::sort(times.begin(), times.end());
  return times[kRepeats / 2];
}

}  // namespace

Peak measure_peak() {
  const int threads = num_threads();
  std::vector<float> results(static_cast<size_t>(threads));
  std::vector<double> flops(results.size());
  const auto at = [](int64_t i) { return static_cast<size_t>(i); };
  const double arithmetic = median_seconds([&] {
    parallel_for(threads, [&](int64_t i) {
      flops[at(i)] = HWY_DYNAMIC_DISPATCH(multiply_add)(0.5f, &results[at(i)]);
    });
  });
  const std::vector<float> memory(static_cast<size_t>(kMemory), 1.0f);
  std::vector<float> sums(static_cast<size_t>(kMemory / kPart));
  const double reading = median_seconds([&] {
    parallel_for(kMemory / kPart, [&](int64_t i) {
      sums[at(i)] = HWY_DYNAMIC_DISPATCH(sum)(memory.data() + i * kPart, kPart);
    });
  });
  // The result uses the sums, or the compiler would remove the loops.
  const bool sane = sums[0] > 0 && results[0] > 0;
  return sane ? Peak{flops[0] * threads / arithmetic, 4.0 * static_cast<double>(kMemory) / reading}
              : Peak{};
}

}  // namespace soragrad::profile
#endif

// SPDX-License-Identifier: Apache-2.0
