// How sparse a low-rank adapter is, by two counters: the true one, which is what a pruned file
// holds, and the SoRA authors' compute_trainable_sparse_param, which the paper's numbers use. The
// latter deducts 2 * hidden for a zero gate wherever it stands, though one rank of an FFN Linear
// costs hidden + intermediate: it overstates what sparse adapters store.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sora/gated_delta.h"
#include "sora/method.h"

namespace soragrad::sora {

// What the counters look at. zero of the rank have a gate that is exactly 0.
struct DeltaSize {
  int64_t in = 0, out = 0, rank = 0, zero = 0;
};
DeltaSize size_of(const GatedDelta& delta);

// Elements of A and B that remain when rows and columns of zero gates are dropped.
int64_t stored_parameters(std::span<const DeltaSize> deltas);
// All of A and B less 2 * hidden a zero gate; hidden is the smaller side of each Linear.
int64_t released_parameters(std::span<const DeltaSize> deltas);

std::vector<ModuleRank> module_ranks(std::span<GatedDelta* const> deltas);

// Elements that are exactly 0, of a tensor on any device.
int64_t zeros_of(const Tensor& x);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
