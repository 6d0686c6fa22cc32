// Binary cross-entropy of logits, the mean over n of
//   -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)) = max(x, 0) - x t + log(1 + exp(-|x|)),
// whose last form overflows for no x, and its gradient dx = dloss / n (sigmoid(x) - t).
#pragma once

#include <cmath>
#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct BinaryCrossEntropyArgs {
  const real* logits;   // (n)
  const real* targets;  // (n), from 0 to 1
  real* loss;           // (1)
  real* hits;           // (1): elements of which (logit > 0) equals (target > 1/2)
  int64_t n;            // at least 1
};
SORAGRAD_KERNEL(binary_cross_entropy, BinaryCrossEntropyArgs);

struct BinaryCrossEntropyBackwardArgs {
  const real* logits;   // (n)
  const real* targets;  // (n)
  const real* dloss;    // (1)
  real* dlogits;        // (n)
  int64_t n;
};
SORAGRAD_KERNEL(binary_cross_entropy_backward, BinaryCrossEntropyBackwardArgs);

// One element, in double: a step has few of them, and the loss of a long run shows the last digits.
SORAGRAD_HD double binary_loss(double x, double t) {
  return (x > 0 ? x : 0) - x * t + log1p(exp(x > 0 ? -x : x));
}
SORAGRAD_HD double binary_slope(double x, double t) {
  const double small = exp(x > 0 ? -x : x);  // sigmoid(-|x|) = small / (1 + small)
  return x > 0 ? (1 - t) - small / (1 + small) : small / (1 + small) - t;
}
SORAGRAD_HD bool binary_hit(double x, double t) {
  return (x > 0) == (t > 0.5);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
