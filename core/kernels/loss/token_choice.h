// What a language model answers at a position: a token drawn from softmax(logits), and whether the
// largest logit is the label's.
//
// The draw is the same on both devices, for any number of threads and any vector width: weights
// exp(logit - max) are whole numbers of 2^-30, computed by fused multiply-adds alone, which round
// the same everywhere, and their sums are exact. With u from 64 random bits the token is the first
// whose cumulative weight exceeds u * (sum of all). Tokens below 2^-31 of the likeliest one's
// probability are never drawn.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"
#include "core/kernels/kernel.h"
#include "core/rng.h"

namespace soragrad::kernels {

// samples[row]: drawn with words 4 row and 4 row + 1 of the stream.
struct SampleTokensArgs {
  const real* logits;  // (rows, vocab), finite
  int64_t* samples;    // (rows)
  int64_t rows, vocab;
  RandomStream stream;
};
inline Cost cost(const SampleTokensArgs& args) {
  return traffic(2 * args.rows * args.vocab);
}
SORAGRAD_KERNEL(sample_tokens, SampleTokensArgs);

struct LabelHitsArgs {
  const real* logits;     // (rows, vocab)
  const int64_t* labels;  // (rows)
  real* hits;             // (1): rows in which no logit is larger than the label's
  int64_t rows, vocab;
};
inline Cost cost(const LabelHitsArgs& args) {
  return traffic(args.rows * args.vocab);
}
SORAGRAD_KERNEL(label_hits, LabelHitsArgs);

// exp(x) in units of 2^-30, rounded, for x <= 0 (Cody and Waite's reduction, as in math.h).
SORAGRAD_HD int32_t sample_weight(float x) {
  x = x < -23.0f ? -23.0f : x;  // e^-23 * 2^30 is below 1/2: the result is 0 from -21.5 down
  const float shifted = fmaf(x, 1.44269504f, 12582912.0f);  // 1.5 * 2^23: rounds to a whole number
  const float n = shifted - 12582912.0f;
  const float r = fmaf(n, 2.12194440e-4f, fmaf(n, -0.693359375f, x));  // ln 2 in two parts
  float p = 0.00138145725f;
  p = fmaf(p, r, 0.00836872970f);
  p = fmaf(p, r, 0.0416683893f);
  p = fmaf(p, r, 0.166665205f);
  p = fmaf(p, r, 0.499999934f);
  p = fmaf(p * r, r, r) + 1.0f;
#ifdef __CUDA_ARCH__
  const float scale = __int_as_float((static_cast<int32_t>(n) + 30 + 127) << 23);
#else
  const float scale = std::bit_cast<float>((static_cast<int32_t>(n) + 30 + 127) << 23);
#endif
  return static_cast<int32_t>(fmaf(p, scale, 0.5f));
}

// The upper 64 bits of a 128-bit product.
SORAGRAD_HD uint64_t multiply_high(uint64_t a, uint64_t b) {
  const uint64_t a1 = a >> 32, a0 = a & 0xffffffffu, b1 = b >> 32, b0 = b & 0xffffffffu;
  const uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
  const uint64_t low = a0 * b1 + (middle & 0xffffffffu);
  return a1 * b1 + (middle >> 32) + (low >> 32);
}

// The point in [0, total) that a row draws.
SORAGRAD_HD uint64_t sample_point(const RandomStream& stream, int64_t row, uint64_t total) {
  const Philox4 words = philox(stream, static_cast<uint64_t>(row));
  return multiply_high(uint64_t{words.bits[0]} << 32 | words.bits[1], total);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
