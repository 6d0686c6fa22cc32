#include "data/permutation.h"

#include <bit>
#include <numeric>
#include <random>
#include <utility>

#include "core/error.h"

namespace soragrad::data {

namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr Uint128 join(uint64_t high, uint64_t low) {
  return (Uint128{high} << 64) | low;
}

// NumPy's SeedSequence: a seed of 32 bits spread over a pool of four words, and words drawn from
// it. Source: numpy/random/bit_generator.pyx.
class SeedSequence {
 public:
  explicit SeedSequence(uint32_t seed) {
    uint32_t constant = 0x43b0d7e5;
    for (uint32_t& word : pool_) word = hashed(&word == pool_ ? seed : 0, constant, 0x931e8875);
    for (uint32_t& from : pool_) {
      for (uint32_t& to : pool_) {
        if (&from == &to) continue;
        to = 0xca01f9dd * to - 0x4973f715 * hashed(from, constant, 0x931e8875);
        to ^= to >> 16;
      }
    }
  }
  uint64_t next() {
    const uint64_t low = next_word();
    return low | (uint64_t{next_word()} << 32);
  }

 private:
  static uint32_t hashed(uint32_t value, uint32_t& constant, uint32_t factor) {
    value ^= constant;
    constant *= factor;
    value *= constant;
    return value ^ (value >> 16);
  }
  uint32_t next_word() { return hashed(pool_[drawn_++ % 4], constant_, 0x58f38ded); }

  uint32_t pool_[4];
  uint32_t constant_ = 0x8b51f9dd;
  size_t drawn_ = 0;
};

// PCG64, the XSL-RR form (O'Neill, 2014), seeded as numpy.random.default_rng does.
class Pcg64 {
 public:
  explicit Pcg64(uint32_t seed) {
    SeedSequence words(seed);
    uint64_t drawn[4];
    for (uint64_t& word : drawn) word = words.next();
    increment_ = (join(drawn[2], drawn[3]) << 1) | 1;
    step();
    state_ += join(drawn[0], drawn[1]);
    step();
  }
  // A number from 0 to last without bias: the first of enough low bits that is not above it.
  uint32_t upto(uint32_t last) {
    const uint32_t mask = ~uint32_t{0} >> std::countl_zero(last);
    uint32_t value = next32() & mask;
    while (value > last) value = next32() & mask;
    return value;
  }

 private:
  void step() { state_ = state_ * join(0x2360ed051fc65da4, 0x4385df649fccf645) + increment_; }
  // The low half of a fresh number, then its high half.
  uint32_t next32() {
    if (has_half_) {
      has_half_ = false;
      return half_;
    }
    step();
    const auto high = static_cast<uint64_t>(state_ >> 64);
    const uint64_t value = std::rotr(high ^ static_cast<uint64_t>(state_), int(high >> 58));
    half_ = static_cast<uint32_t>(value >> 32);
    has_half_ = true;
    return static_cast<uint32_t>(value);
  }

  Uint128 state_ = 0, increment_ = 0;
  uint32_t half_ = 0;
  bool has_half_ = false;
};

std::vector<int64_t> ascending(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

}  // namespace

std::vector<int64_t> torch_randperm(int64_t n, uint64_t seed) {
  constexpr int64_t kLimit = (int64_t{1} << 32) / 20;
  require(n >= 0 && n < kLimit, "[randperm] {} rows, expected 0 to {}.", n, kLimit - 1);
  std::mt19937 generator(static_cast<uint32_t>(seed));
  std::vector<int64_t> order = ascending(n);
  for (int64_t i = 0; i + 1 < n; ++i) {
    const int64_t step = static_cast<int64_t>(generator()) % (n - i);
    std::swap(order[i], order[i + step]);
  }
  return order;
}

std::vector<int64_t> numpy_permutation(int64_t n, uint32_t seed) {
  require(n >= 0 && n < int64_t{1} << 32, "[permutation] {} rows, expected 0 to 2^32 - 1.", n);
  Pcg64 generator(seed);
  std::vector<int64_t> order = ascending(n);
  for (int64_t i = n - 1; i > 0; --i) {
    std::swap(order[i], order[generator.upto(static_cast<uint32_t>(i))]);
  }
  return order;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
