// Cross-entropy of class labels, and its gradient (torch.nn.functional.cross_entropy, mean):
//   loss    = mean over rows of (log(sum over j of exp(logits_j)) - logits_label)
//   dlogits = dloss / rows * (softmax(logits) - one_hot(label))
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct CrossEntropyArgs {
  const real* logits;     // (rows, classes)
  const int64_t* labels;  // (rows), each in [0, classes); not checked
  real* loss;             // (1)
  int64_t rows;
  int64_t classes;
};
SORAGRAD_KERNEL(cross_entropy, CrossEntropyArgs);

struct CrossEntropyBackwardArgs {
  const real* logits;     // (rows, classes)
  const int64_t* labels;  // (rows)
  const real* dloss;      // (1)
  real* dlogits;          // (rows, classes), overwritten; may be the logits themselves
  int64_t rows;
  int64_t classes;
};
SORAGRAD_KERNEL(cross_entropy_backward, CrossEntropyBackwardArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
