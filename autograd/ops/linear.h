// What the ops with a Linear in them share.
#pragma once

#include <memory>

#include "autograd/ops.h"

namespace soragrad {

// Throws unless an input of this shape fits the weight, and the weight its bias and its pack.
void require_fit(const char* op, const Shape& x, const LinearWeights& linear);

// The pack that the caller gave, or one for this call alone.
std::shared_ptr<PackedMatrix> packed_or_plain(const LinearWeights& linear);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
