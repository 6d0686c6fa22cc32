// Merging: weight += factor * B diag(gate) A at every adapted Linear, which leaves a plain model.
#pragma once

#include "nn/module.h"

namespace soragrad::sora {

// Adds all deltas into their weights and detaches them. Products are summed in double. Throws,
// changing nothing, where a delta is no linear map (houlsby and pfeiffer adapters).
void merge(nn::Module& model);

}  // namespace soragrad::sora
