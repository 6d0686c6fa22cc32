// Elementwise arithmetic of n elements: add (y = a + b), mul (y = a b), scale (y = factor x). y may
// be an input.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct BinaryArgs {
  const real* a;
  const real* b;
  real* y;
  int64_t n;
};
inline Cost cost(const BinaryArgs& args) {
  return traffic(3 * args.n);
}
SORAGRAD_KERNEL(add, BinaryArgs);
SORAGRAD_KERNEL(mul, BinaryArgs);

struct ScaleArgs {
  const real* x;
  real factor;
  real* y;
  int64_t n;
};
inline Cost cost(const ScaleArgs& args) {
  return traffic(2 * args.n);
}
SORAGRAD_KERNEL(scale, ScaleArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
