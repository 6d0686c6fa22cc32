#include "sora/sparsity.h"

#include <algorithm>
#include <cmath>

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

GateReach reach_of(std::span<const real> gates, const ThresholdSum& thresholds) {
  GateReach reach{.threshold_sum = thresholds.sum};
  if (gates.empty()) return reach;
  std::vector<double> sizes;
  for (const real gate : gates) sizes.push_back(std::abs(double{gate}));
  const auto zero = std::count(sizes.begin(), sizes.end(), 0.0);
  reach.share = static_cast<double>(zero) / static_cast<double>(sizes.size());
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  reach.median_gate = *middle;
  if (thresholds.per_xi > 0) {
    reach.xi = (thresholds.sum + reach.median_gate) / thresholds.per_xi;
  }
  return reach;
}

std::string to_text(const GateReach& reach) {
  const std::string advice = reach.xi > 0 ? fmt::format("xi={:.2g} would have reached it", reach.xi)
                                          : "no xi reaches it: the gates' rate was 0 in every step";
  return fmt::format(
      "sora: {:.1f}% of the gates are at zero. The thresholds of all steps sum to {:.3g}, the "
      "median absolute gate is {:.3g}; {}.",
      100 * reach.share, reach.threshold_sum, reach.median_gate, advice);
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
