// How sparse a low-rank adapter is, by two counters. The true one counts what a pruned file holds.
// The other is the SoRA authors' compute_trainable_sparse_param, which the paper's numbers use: it
// deducts 2 * hidden for each zero gate, though one rank of an FFN Linear costs
// hidden + intermediate, so it overstates what sparse adapters store.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sora/gated_delta.h"
#include "sora/method.h"

namespace soragrad::sora {

// The sizes that both counters read. `zero`: number of gates that are exactly 0.
struct DeltaSize {
  int64_t in = 0, out = 0, rank = 0, zero = 0;
};
DeltaSize size_of(const GatedDelta& delta);

// Elements of A and B that remain when rows and columns of zero gates are dropped.
int64_t stored_parameters(std::span<const DeltaSize> deltas);
// All of A and B less 2 * hidden for each zero gate; hidden is the smaller side of each Linear.
int64_t released_parameters(std::span<const DeltaSize> deltas);

std::vector<ModuleRank> module_ranks(std::span<GatedDelta* const> deltas);

// Number of elements that are exactly 0; the tensor may be on any device.
int64_t zeros_of(const Tensor& x);

// Explains why gates stayed above 0. An update moves a gate towards 0 by at most its threshold, so
// a run moves it by at most threshold_sum. With `xi` that sum would be larger by median_gate: about
// half of the gates would then reach 0 if no gradient pushed back.
struct GateReach {
  double share = 0;          // of gates at 0
  double threshold_sum = 0;  // over all updates
  double median_gate = 0;    // of |gate| at the end
  double xi = 0;
};

// The thresholds of all updates.
struct ThresholdSum {
  double sum = 0;
  double per_xi = 0;  // what the sum would be for xi = 1
};

// `gates`: their values at the end of the run.
GateReach reach_of(std::span<const real> gates, const ThresholdSum& thresholds);

// "sora: 0.3% of the gates are at zero. ..." in one line.
std::string to_text(const GateReach& reach);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
