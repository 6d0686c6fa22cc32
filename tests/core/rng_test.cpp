#include "core/rng.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

namespace soragrad {
namespace {

using Words = std::array<uint32_t, 4>;

// The counter's words are block low, block high, site, step; the key is the seed.
Words draw(Words counter, uint32_t key0, uint32_t key1) {
  const RandomStream stream{uint64_t{key1} << 32 | key0, counter[2], counter[3]};
  const Philox4 words = philox(stream, uint64_t{counter[1]} << 32 | counter[0]);
  return {words.bits[0], words.bits[1], words.bits[2], words.bits[3]};
}

}  // namespace

// Known answers published with Random123 (Salmon et al., 2011) for philox4x32 with 10 rounds.
TEST_CASE("rng: Philox gives the published answers") {
  CHECK(draw({0, 0, 0, 0}, 0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(draw({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(draw({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("rng: sites come from names and differ") {
  static_assert(random_site("a") == 0xe40c292cu);  // FNV-1a of "a"
  CHECK(random_site("encoder.layer.0") != random_site("encoder.layer.1"));
  CHECK(random_site("") == 2166136261u);
}

TEST_CASE("rng: the drop threshold keeps the probability") {
  CHECK(drop_threshold(0) == 0);
  CHECK(drop_threshold(0.5) == 0x80000000u);
  CHECK(drop_threshold(1) == 0xffffffffu);
  CHECK(std::abs(drop_threshold(0.1) / 4294967296.0 - 0.1) < 1e-9);
}

TEST_CASE("rng: words are spread evenly") {
  double sum = 0, squares = 0;
  constexpr int kBlocks = 20000;
  for (uint64_t block = 0; block < kBlocks; ++block) {
    for (const uint32_t word : philox({1, 2, 3}, block).bits) {
      const double u = word / 4294967296.0;
      sum += u;
      squares += u * u;
    }
  }
  CHECK(sum / (4 * kBlocks) == doctest::Approx(0.5).epsilon(0.01));
  CHECK(squares / (4 * kBlocks) == doctest::Approx(1.0 / 3).epsilon(0.01));
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
