#include "sora/sparsity.h"

#include <algorithm>

namespace soragrad::sora {

int64_t zeros_of(const Tensor& x) {
  const std::vector<real> values = x.to_vector();
  return std::count(values.begin(), values.end(), real(0));
}

DeltaSize size_of(const GatedDelta& delta) {
  return {delta.linear().in(), delta.linear().out(), delta.rank(),
          delta.gate ? zeros_of(delta.gate->value()) : 0};
}

int64_t stored_parameters(std::span<const DeltaSize> deltas) {
  int64_t total = 0;
  for (const DeltaSize& d : deltas) total += (d.rank - d.zero) * (d.in + d.out);
  return total;
}

int64_t released_parameters(std::span<const DeltaSize> deltas) {
  int64_t total = 0;
  for (const DeltaSize& d : deltas) {
    total += d.rank * (d.in + d.out) - d.zero * 2 * std::min(d.in, d.out);
  }
  return total;
}

std::vector<ModuleRank> module_ranks(std::span<GatedDelta* const> deltas) {
  std::vector<ModuleRank> ranks;
  for (const GatedDelta* delta : deltas) {
    const DeltaSize size = size_of(*delta);
    ranks.push_back({delta->linear().path(), size.rank - size.zero, size.rank});
  }
  return ranks;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
