// y = f(x) and dx = dy f'(x) for every op of unary.def: the kernels gelu, gelu_backward, ...
// Outputs must not overlap inputs.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct UnaryArgs {
  const real* x;
  real* y;
  int64_t n;
};

struct UnaryBackwardArgs {
  const real* x;
  const real* dy;
  real* dx;
  int64_t n;
};

inline Cost cost(const UnaryArgs& args) {
  return traffic(2 * args.n);
}
inline Cost cost(const UnaryBackwardArgs& args) {
  return traffic(3 * args.n);
}

// y = gelu(x) and derivative = gelu'(x) on the CPU and the calling thread, with the bits of gelu
// and gelu_backward: for kernels that have a GELU in them.
void gelu_and_derivative(const real* x, real* y, real* derivative, int64_t n);

#define SORAGRAD_UNARY(name, Functor) \
  SORAGRAD_KERNEL(name, UnaryArgs);   \
  SORAGRAD_KERNEL(name##_backward, UnaryBackwardArgs);
#include "core/kernels/elementwise/unary.def"
#undef SORAGRAD_UNARY

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
