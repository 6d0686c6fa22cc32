// Losses of rows that count differently: loss = sum over rows of share * l, where the shares are
// the rows' weights over their sum (all 0 if the weights are). l of a row with C outputs z is
//   cross-entropy         (1 - s) * -log p[label] + s / C * sum over classes of -log p[c],
//                         p = softmax(z), s the label smoothing
//   binary cross-entropy  1 / C * sum over classes of log(1 + exp(z)) - target * z
//   squared error         (z - target)^2, C = 1
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct WeightedCrossEntropyArgs {
  const real* logits;     // (rows, classes)
  const int64_t* labels;  // (rows), in [0, classes)
  const real* shares;     // (rows)
  real smoothing;         // s, from 0 to 1
  real* loss;             // (1), forward only
  const real* dloss;      // (1), backward only
  real* dlogits;          // (rows, classes), backward only
  int64_t rows;
  int64_t classes;
};
SORAGRAD_KERNEL(weighted_cross_entropy, WeightedCrossEntropyArgs);
SORAGRAD_KERNEL(weighted_cross_entropy_backward, WeightedCrossEntropyArgs);

struct WeightedTargetsArgs {
  const real* outputs;  // (rows, classes)
  const real* targets;  // (rows, classes)
  const real* shares;   // (rows)
  real* loss;           // (1), forward only
  const real* dloss;    // (1), backward only
  real* doutputs;       // (rows, classes), backward only
  int64_t rows;
  int64_t classes;  // 1 for the squared error
};
SORAGRAD_KERNEL(weighted_binary_cross_entropy, WeightedTargetsArgs);
SORAGRAD_KERNEL(weighted_binary_cross_entropy_backward, WeightedTargetsArgs);
SORAGRAD_KERNEL(weighted_mse, WeightedTargetsArgs);
SORAGRAD_KERNEL(weighted_mse_backward, WeightedTargetsArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
