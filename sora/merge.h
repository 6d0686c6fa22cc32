// Merging: weight += factor * B diag(gate) A at every adapted Linear, which leaves a plain model.
#pragma once

#include "nn/module.h"
#include "sora/gated_delta.h"

namespace soragrad::sora {

// Adds all deltas into their weights and detaches them. Products are summed in double. Throws,
// changing nothing, where a delta is no linear map (houlsby and pfeiffer adapters).
void merge(nn::Module& model);

// Takes all deltas off, trained or not: the model's weights are those that it was loaded with.
// Other parameters stay as they are, a trained head too. Throws while a Tuner trains the model.
void detach(nn::Module& model);

// The Linear's weight with this delta, where the weight lives.
Tensor merged_weight(const nn::Linear& linear, const FoldedDelta& delta);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
