// Mean over rows of log(sum of exp(logits)) - logits[label], and its gradient
// dlogits = dloss / rows (softmax(logits) - one_hot(label)).
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct CrossEntropyArgs {
  const real* logits;     // (rows, classes)
  const int64_t* labels;  // (rows), in [0, classes)
  real* loss;             // (1)
  int64_t rows;
  int64_t classes;
};
SORAGRAD_KERNEL(cross_entropy, CrossEntropyArgs);

struct CrossEntropyBackwardArgs {
  const real* logits;
  const int64_t* labels;
  const real* dloss;  // (1)
  real* dlogits;      // (rows, classes)
  int64_t rows;
  int64_t classes;
};
SORAGRAD_KERNEL(cross_entropy_backward, CrossEntropyBackwardArgs);

}  // namespace soragrad::kernels
