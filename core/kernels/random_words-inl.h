// Philox4x32-10 of core/rng.h, as many blocks at a time as a vector has 64-bit lanes. Word w of a
// stream is philox(stream, w / 4).bits[w % 4], whatever the vector width.
//
// Four vectors hold the four words of the blocks: a 64-bit lane has one 32-bit word of one block in
// its low half. The multiplication reads low halves alone, so garbage above them needs no masking:
// a round is two products, two shifts and four XORs for the whole vector.

// Included once for each SIMD target (simd.h), so Highway's toggle replaces #pragma once.
#if defined(SORAGRAD_RANDOM_WORDS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SORAGRAD_RANDOM_WORDS_INL_H
#undef SORAGRAD_RANDOM_WORDS_INL_H
#else
#define SORAGRAD_RANDOM_WORDS_INL_H
#endif

#include <algorithm>
#include <cstdint>

#include "core/rng.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
constexpr int64_t kPhiloxWords = 4;  // words that one call of philox_blocks draws
inline void philox_blocks(const RandomStream& stream, uint64_t block, uint32_t* words) {
  std::copy_n(philox(stream, block).bits, 4, words);
}
#else
constexpr int64_t kPhiloxWords = 4 * hn::MaxLanes(hn::ScalableTag<uint64_t>());

// Draws kPhiloxWords words: the blocks block, block + 1, ... of the stream, in order.
inline void philox_blocks(const RandomStream& stream, uint64_t block, uint32_t* words) {
  const hn::ScalableTag<uint64_t> d;
  const hn::Repartition<uint32_t, decltype(d)> d32;
  const auto index = hn::Add(hn::Set(d, block), hn::Iota(d, 0));
  const auto multiplier0 = hn::Set(d32, 0xD2511F53u), multiplier1 = hn::Set(d32, 0xCD9E8D57u);
  auto c0 = index, c1 = hn::ShiftRight<32>(index);
  auto c2 = hn::Set(d, uint64_t{stream.site}), c3 = hn::Set(d, uint64_t{stream.step});
  uint32_t k0 = static_cast<uint32_t>(stream.seed), k1 = static_cast<uint32_t>(stream.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const auto p0 = hn::MulEven(hn::BitCast(d32, c0), multiplier0);
    const auto p1 = hn::MulEven(hn::BitCast(d32, c2), multiplier1);
    c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c1), hn::Set(d, uint64_t{k0}));
    c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c3), hn::Set(d, uint64_t{k1}));
    c1 = p1;
    c3 = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const auto low_half = hn::Set(d, uint64_t{0xffffffffu});
  const auto words01 = hn::Or(hn::And(c0, low_half), hn::ShiftLeft<32>(c1));
  const auto words23 = hn::Or(hn::And(c2, low_half), hn::ShiftLeft<32>(c3));
  hn::StoreInterleaved2(words01, words23, d, reinterpret_cast<uint64_t*>(words));
}
#endif

// Writes words [first, first + count) of the stream.
inline void random_words(const RandomStream& stream, uint64_t first, int64_t count,
                         uint32_t* words) {
  uint64_t block = first / 4;
  int64_t done = 0;
  if (first % 4 == 0) {
    for (; done + kPhiloxWords <= count; done += kPhiloxWords, block += kPhiloxWords / 4) {
      philox_blocks(stream, block, words + done);
    }
  }
  // The rest, which does not fill a vector, or all words if `first` is not the start of a block.
  alignas(64) uint32_t buffer[kPhiloxWords];
  for (int64_t skip = static_cast<int64_t>(first % 4); done < count; skip = 0) {
    philox_blocks(stream, block, buffer);
    const int64_t taken = std::min(kPhiloxWords - skip, count - done);
    std::copy_n(buffer + skip, taken, words + done);
    done += taken;
    block += kPhiloxWords / 4;
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

// SPDX-License-Identifier: Apache-2.0
