// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): random bits
// are a pure function of (seed, site, step, index). Both devices and any number of threads draw the
// same bits, and backward draws a dropout mask again instead of storing it.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/host_device.h"

namespace soragrad {

// Selects a stream of random numbers.
struct RandomStream {
  uint64_t seed = 0;  // of the run
  uint32_t site = 0;  // position in the model: random_site(path)
  uint32_t step = 0;  // number of the forward pass
  // If not null, kernels read the step from this address in GPU memory, so that each replay of a
  // captured graph has its own. Never read on the host.
  const uint32_t* step_at = nullptr;
};

// The site number of a module's path (the hash FNV-1a). It does not depend on the order in which
// modules are constructed.
constexpr uint32_t random_site(std::string_view path) {
  uint32_t hash = 2166136261u;
  for (const char c : path) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

struct Philox4 {
  uint32_t bits[4];
};

// Block number `block` of the stream: four random words. Word w is in block w / 4.
SORAGRAD_HD Philox4 philox(RandomStream stream, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = stream.site, c3 = stream.step_at ? *stream.step_at : stream.step;
  uint32_t k0 = static_cast<uint32_t>(stream.seed), k1 = static_cast<uint32_t>(stream.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// The threshold of dropout with probability p: an element is kept if its word is at least this. So
// it is dropped with probability p to within 2^-32.
SORAGRAD_HD uint32_t drop_threshold(double p) {
  return p >= 1.0 ? 0xffffffffu : static_cast<uint32_t>(p * 4294967296.0);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
