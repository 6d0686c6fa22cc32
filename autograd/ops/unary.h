// Recording an op of core/kernels/elementwise/unary.def whose result another kernel has computed.
#pragma once

#include "autograd/variable.h"
#include "core/kernels/elementwise/unary.h"

namespace soragrad {

// Records y = op(input). Backward reads the input, not the result.
Variable record_unary(const char* op, Tensor y, const Variable& input,
                      const kernels::Kernel<kernels::UnaryBackwardArgs>& backward);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
