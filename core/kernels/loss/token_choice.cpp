#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/loss/token_choice.cpp"
#include "core/kernels/simd.h"
// Above: the file is compiled once a SIMD target; simd.h explains.

#include <algorithm>
#include <vector>

#include "core/kernels/loss/token_choice.h"
#include "core/kernels/softmax-inl.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

constexpr int64_t kTile = 4096;  // tokens whose weights are kept at a time

// Weights of tokens [begin, end) of a row, and their sum.
inline uint64_t tile_weights(const real* HWY_RESTRICT logits, real max, int64_t begin, int64_t end,
                             int32_t* HWY_RESTRICT weights) {
#pragma omp simd
  for (int64_t j = begin; j < end; ++j) {
    weights[j - begin] = sample_weight(static_cast<float>(logits[j] - max));
  }
  uint64_t sum = 0;
  for (int64_t j = 0; j < end - begin; ++j) sum += static_cast<uint32_t>(weights[j]);
  return sum;
}

int64_t sample_row(const SampleTokensArgs& args, int64_t row) {
  const real* logits = args.logits + row * args.vocab;
  const real max = max_of(logits, args.vocab);
  alignas(64) int32_t weights[kTile];
  uint64_t total = 0;
  for (int64_t begin = 0; begin < args.vocab; begin += kTile) {
    total += tile_weights(logits, max, begin, std::min(args.vocab, begin + kTile), weights);
  }
  uint64_t point = sample_point(args.stream, row, total);
  for (int64_t begin = 0; begin < args.vocab; begin += kTile) {
    const int64_t end = std::min(args.vocab, begin + kTile);
    const uint64_t sum = tile_weights(logits, max, begin, end, weights);
    if (point >= sum) {
      point -= sum;
      continue;
    }
    for (int64_t j = 0;; ++j) {
      const auto weight = static_cast<uint32_t>(weights[j]);
      if (point < weight) return begin + j;
      point -= weight;
    }
  }
  return args.vocab - 1;  // not reached: the point is below the total
}

void sample_rows(const SampleTokensArgs& args, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) args.samples[row] = sample_row(args, row);
}

void hits_of_rows(const LabelHitsArgs& args, int64_t begin, int64_t end, uint8_t* hits) {
  for (int64_t row = begin; row < end; ++row) {
    const real* logits = args.logits + row * args.vocab;
    hits[row] = logits[args.labels[row]] >= max_of(logits, args.vocab) ? 1 : 0;
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(sample_rows);
HWY_EXPORT(hits_of_rows);

namespace {
int64_t rows_per_task(int64_t vocab) {
  constexpr int64_t kGrain = 16384;  // elements a task
  return std::max<int64_t>(1, kGrain / std::max<int64_t>(vocab, 1));
}
}  // namespace

void sample_tokens_cpu(const SampleTokensArgs& args) {
  parallel_chunks(args.rows, rows_per_task(args.vocab), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(sample_rows)(args, begin, end);
  });
}

void label_hits_cpu(const LabelHitsArgs& args) {
  std::vector<uint8_t> hits(static_cast<size_t>(args.rows));
  parallel_chunks(args.rows, rows_per_task(args.vocab), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(hits_of_rows)(args, begin, end, hits.data());
  });
  *args.hits = static_cast<real>(std::count(hits.begin(), hits.end(), 1));
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
