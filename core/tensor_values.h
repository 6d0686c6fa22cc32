// Values of many small tensors on the host.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace soragrad {

// The elements of all, one tensor after another. Parts of one block that lie side by side, as
// parameters of one optimizer do, come from a GPU in one copy.
std::vector<real> values_of(std::span<const Tensor> tensors);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
